package client

import (
	"context"
	"net/http"
	"time"
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
