package signer

import (
	"net"

	"coffer.internal/internal/fault"
)

// ParseLoopback reads where metrics are served: HOST:PORT of this machine's loopback, or nothing.
func ParseLoopback(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	at, err := ParseListen(s)
	host, _, _ := net.SplitHostPort(at.TCP)
	if ip := net.ParseIP(host); err != nil || at.TCP == "" || ip == nil || !ip.IsLoopback() {
		return "", fault.New(fault.Usage, "not_loopback", "--metrics 127.0.0.1:9465", "metrics are served on this machine's loopback alone, and %q is not there", s)
	}
	return s, nil
}
