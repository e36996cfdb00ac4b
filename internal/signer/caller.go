package signer

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
)

// Caller is who sent a request. The zero one is nobody, and may nothing.
type Caller struct {
	Who   string // "uid 1000", as the kernel saw who connected, or "cert NAME"
	Role  certs.Role
	Local bool   // over a unix socket: whoever the file system lets in
	From  string // "unix", or the address that connected

	refused error // why their certificate opens nothing any more
}

// callerKey is under what a request's context has its Caller.
type callerKey struct{}

// callerOf is who sent a request.
func callerOf(r *http.Request) Caller {
	c, _ := r.Context().Value(callerKey{}).(Caller)
	return c
}

// withCaller is a connection's context. Over a unix socket the kernel says who connects; where it does not, the rights of the socket
// have let them in all the same.
func withCaller(ctx context.Context, c net.Conn) context.Context {
	if _, ok := underlying(c).(*net.UnixConn); !ok {
		return ctx
	}
	who := "unknown user"
	if uid, err := peerUID(underlying(c)); err == nil {
		who = "uid " + strconv.Itoa(uid)
	}
	return context.WithValue(ctx, callerKey{}, Caller{Who: who, Role: certs.Client, Local: true, From: "unix"})
}

// underlying is the connection that others are wrapped round.
func underlying(c net.Conn) net.Conn {
	for {
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = w.NetConn()
	}
}

// may says why a caller may not ask for an endpoint, or nil.
func (e endpoint) may(c Caller, path string) error {
	if c.refused != nil {
		return c.refused
	}
	if c.Role == "" {
		return fault.New(fault.NotAllowed, "unknown_caller", "connect over the unix socket, or with a certificate of `coffer-signer cert client`",
			"it cannot be told who asks")
	}
	if e.local && c.Local {
		return nil
	}
	for _, r := range e.roles {
		if r == c.Role {
			return nil
		}
	}
	return fault.New(fault.NotAllowed, "role_not_allowed", "coffer-signer cert client --name NAME --role "+string(e.roles[0])+" --out DIR",
		"%s has the role %s, which may not ask for %s", c.Who, c.Role, path)
}
