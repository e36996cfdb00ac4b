package signer

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"strings"

	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/requestlog"
)

// ServeTLS answers on a network address until ctx ends, to clients of the authority that are on its list. It closes the listener.
func (s *Server) ServeTLS(ctx context.Context, l net.Listener, config *tls.Config, door *certs.Doorman) error {
	web := &http.Server{Handler: known(door, s.observed(http.HandlerFunc(s.route))), ErrorLog: log.New(doorLog{s.observer}, "", 0)}
	return serve(ctx, tls.NewListener(s.bounded(l, maxRemote, maxPerHost), config), s.log, s.hearing(ctx, web, func(c net.Conn) Caller {
		var state *tls.ConnectionState
		if secured, ok := c.(*tls.Conn); ok {
			now := secured.ConnectionState()
			state = &now
		}
		return shown(door, state, c.RemoteAddr().String())
	}))
}

// known finds out who sends a request. The certificate is looked up for each one: a connection may outlive it.
func known(door *certs.Doorman, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, shown(door, r.TLS, r.RemoteAddr))))
	})
}

// shown is who shows a certificate that was verified.
func shown(door *certs.Doorman, state *tls.ConnectionState, from string) Caller {
	c := Caller{From: from}
	if state != nil && len(state.VerifiedChains) > 0 {
		e, err := door.Who(state.PeerCertificates[0])
		c.Who, c.refused = "cert "+e.Name, err
		if err == nil {
			c.Role = e.Role
		}
	}
	return c
}

// doorLog takes what net/http has to say of connections that did not come about, and of what broke.
type doorLog struct{ observer }

const handshakeFailed = "http: TLS handshake error from "

// Write takes one line.
func (d doorLog) Write(b []byte) (int, error) {
	text := strings.TrimSpace(string(b))
	rest, ok := strings.CutPrefix(text, handshakeFailed)
	if !ok {
		d.log.Warn(text)
		return len(b), nil
	}
	from, why, _ := strings.Cut(rest, ": ")
	code := handshakeCode(why)
	d.meter.refused(code)
	if err := d.keep(requestlog.Line{From: from, Code: code, Detail: why}); err != nil {
		d.log.Error("a connection was refused", "from", from, "code", code, "error", err)
	}
	return len(b), nil
}

// handshakeCodes map what crypto/tls, crypto/x509 and certs say of a handshake that failed. The first that fits counts.
var handshakeCodes = []struct{ part, code string }{
	{"is not on this machine's list", "certificate_not_pinned"},
	{"is revoked", "certificate_revoked"},
	{"certificate has expired or is not yet valid", "certificate_expired"},
	{"is valid from", "certificate_expired"},
	{"signed by unknown authority", "certificate_of_another"},
	{"incompatible key usage", "certificate_of_another"},
	{"didn't provide a certificate", "no_certificate"},
	{"offered only unsupported versions", "tls_too_old"},
	{"HTTP request to an HTTPS server", "not_tls"},
	{"does not look like a TLS handshake", "not_tls"},
}

// handshakeCode is the code of a handshake that failed. Of one that was broken off only that is known.
func handshakeCode(why string) string {
	for _, c := range handshakeCodes {
		if strings.Contains(why, c.part) {
			return c.code
		}
	}
	return codeNoHandshake
}

// codeNoHandshake is the code of a handshake that failed in no known way.
const codeNoHandshake = "handshake_failed"
