package client

import (
	"context"
	"net/http"

	"coffer.internal/internal/signer/wire"
)

// Release has a payment released by the machine that serves, over its administrative socket: the one at which it knows what coffer may
// not ask for.
func Release(ctx context.Context, socket string, r wire.ReleaseRequest) (done wire.ReleaseAnswer, err error) {
	c, err := Dial("unix:"+socket, nil)
	if err != nil {
		return done, err
	}
	defer c.http.CloseIdleConnections()
	return done, c.ask(ctx, signTimeout, http.MethodPost, wire.PathRelease, r, &done)
}
