package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// hold is an advisory lock of a session of its own. The server gives it back when the session ends, however it ends.
//
// Whoever holds must learn that it lost the lock before somebody else can get it. So the session is asked every beat, and no
// answer within another one counts as lost; a server that cannot reach us any more waits longer than both before it ends the
// session.
type hold struct {
	conn *pgx.Conn
	key  int64
	lost chan struct{}

	stop    context.CancelFunc // ends the watch
	watched chan struct{}      // closed when it has ended
	release func() error
}

const beat = 5 * time.Second

// keepalive lets the server notice a holder that is gone without a word, after 10 + 3 × 5 seconds.
var keepalive = map[string]string{"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}

// Hold takes the named lock.
func (d *DB) Hold(ctx context.Context, name string) (store.Hold, error) {
	h, err := d.lock(ctx, name, queries["lock_try"])
	if err != nil {
		return nil, err
	}
	return h, nil
}

// lock takes the named lock with a statement that says whether it got it.
func (d *DB) lock(ctx context.Context, name, statement string) (_ *hold, err error) {
	conn, err := pgx.ConnectConfig(ctx, d.session())
	if err != nil {
		return nil, d.unreachable(ctx, err)
	}
	h := &hold{conn: conn, lost: make(chan struct{}), watched: make(chan struct{})}
	var got bool
	if err = conn.QueryRow(ctx, queries["lock_key"], name).Scan(&h.key); err == nil {
		err = conn.QueryRow(ctx, statement, h.key).Scan(&got)
	}
	if err == nil && !got {
		err = fmt.Errorf("lock %s: %w", name, store.ErrHeld)
	}
	if err != nil {
		return nil, errors.Join(interpret(err), closeSoon(conn))
	}
	watch, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.release = sync.OnceValue(h.end)
	go h.watch(watch)
	return h, nil
}

// session configures a connection of its own, outside of the pool.
func (d *DB) session() *pgx.ConnConfig {
	config := d.pool.Config().ConnConfig
	for k, v := range keepalive {
		config.RuntimeParams[k] = v
	}
	return config
}

// Lost is closed when the session broke.
func (h *hold) Lost() <-chan struct{} { return h.lost }

// Release gives the lock back. A second one says what the first one did.
func (h *hold) Release() error { return h.release() }

func (h *hold) end() error {
	h.stop()
	<-h.watched
	select {
	case <-h.lost:
		return nil // the server has given it back
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), beat)
	defer cancel()
	// By name, not by leaving: the server needs a moment to notice that a session has ended.
	_, err := h.conn.Exec(ctx, queries["unlock"], h.key)
	return errors.Join(interpret(err), closeSoon(h.conn))
}

// watch waits on the session until it breaks or ctx ends.
func (h *hold) watch(ctx context.Context) {
	defer close(h.watched)
	for ctx.Err() == nil {
		if h.hear(ctx) {
			continue
		}
		close(h.lost)
		_ = closeSoon(h.conn) // it is broken
		return
	}
}

// hear says whether the session still lives, after a beat or as soon as it breaks.
func (h *hold) hear(ctx context.Context) bool {
	quiet, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	_, err := h.conn.WaitForNotification(quiet)
	switch {
	case h.conn.IsClosed():
		return false
	case err == nil || ctx.Err() != nil:
		return true
	}
	// Release does not cut this short: that would break the session, and the lock is to be given back in it.
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
	defer cancel()
	return h.conn.Ping(asked) == nil
}

// closeSoon closes a connection, and does not wait long for a server that says nothing.
func closeSoon(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}
