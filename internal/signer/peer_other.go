//go:build !linux

package signer

import (
	"errors"
	"net"
)

// peerUID is not known here: a release needs the process that serves to be stopped first.
func peerUID(net.Conn) (uid int, err error) {
	return 0, errors.New("this system's way to tell who connects is not known to this version")
}
