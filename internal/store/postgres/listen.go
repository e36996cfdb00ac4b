package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

var _ store.Listener = (*DB)(nil)

// channel is the name under which a topic is told. It is that of all ledgers in the database: who hears another one's looks
// once in vain.
func channel(topic string) string { return "coffer_" + topic }

// listenAgain is how long a broken connection is left alone.
const listenAgain = time.Second

// Listen hears of a topic on a connection of its own, and connects again when that breaks.
func (d *DB) Listen(ctx context.Context, topic string, heard func()) {
	for ctx.Err() == nil {
		if conn, err := d.listener(ctx, topic); err == nil {
			heard() // of what was told before, or while nobody listened
			hearAll(ctx, conn, heard)
			_ = closeSoon(conn) // it is broken, or nobody needs it any more
		}
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
		}
	}
}

func (d *DB) listener(ctx context.Context, topic string) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, d.session())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel(topic)}.Sanitize()); err != nil {
		_ = closeSoon(conn)
		return nil, err
	}
	return conn, nil
}

// hearAll waits on the connection until it breaks or ctx ends. A server that is gone without a word is noticed by asking it
// every beat.
func hearAll(ctx context.Context, conn *pgx.Conn, heard func()) {
	for ctx.Err() == nil {
		quiet, cancel := context.WithTimeout(ctx, beat)
		_, err := conn.WaitForNotification(quiet)
		cancel()
		switch {
		case err == nil:
			heard()
			continue
		case conn.IsClosed() || ctx.Err() != nil:
			return
		}
		asked, cancel := context.WithTimeout(ctx, beat)
		err = conn.Ping(asked)
		cancel()
		if err != nil {
			return
		}
	}
}
