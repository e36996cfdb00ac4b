package client

import (
	"context"
	"net/http"
	"time"

	"coffer.internal/internal/signer/wire"
)

// adminTimeout bounds what is asked of an administrative socket: a backup of a large journal takes minutes.
const adminTimeout = time.Hour

// Keep asks the machine that serves over its administrative socket: the one at which it knows what coffer may not ask for.
func Keep(ctx context.Context, socket, path string, request, answer any) error {
	c, err := Dial("unix:"+socket, nil)
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	return c.ask(ctx, adminTimeout, http.MethodPost, path, request, answer)
}

// Policy asks the machine that serves for the policy in force, over its administrative socket.
func Policy(ctx context.Context, socket string) (in wire.PolicyAnswer, err error) {
	c, err := Dial("unix:"+socket, nil)
	if err != nil {
		return in, err
	}
	defer c.http.CloseIdleConnections()
	return in, c.ask(ctx, askTimeout, http.MethodGet, wire.PathPolicy, nil, &in)
}
