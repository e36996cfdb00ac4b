package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"coffer.internal/internal/store"
)

// How transactions begin. Whether they may write is left to the server: one that became read-only is not to be overridden.
const (
	beginView   = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	beginUpdate = "BEGIN ISOLATION LEVEL READ COMMITTED"
)

// reader is one transaction, as far as it reads. It has not begun on the server before its first statement.
type reader struct {
	conn   *pgx.Conn
	ctx    context.Context
	begin  string // what is still to be sent before the first statement
	queue  []step // writes that wait for the next batch
	failed error  // the first error of a method: the transaction can only be given up
}

// tx is one transaction that writes.
type tx struct {
	reader
	filled bool // the ledger is another one when this is committed
}

var (
	_ store.Reader = (*reader)(nil)
	_ store.Tx     = (*tx)(nil)
)

// View runs fn on one snapshot.
func (d *DB) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := d.use(ctx); err != nil {
		return err
	}
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return d.unreachable(ctx, err)
	}
	defer conn.Release()
	r := &reader{conn: conn.Conn(), ctx: ctx, begin: beginView}
	defer func() {
		r.rollback() // nothing was written
		d.leave(r)
	}()
	return fn(r)
}

// Update runs fn in a transaction, and again after a conflict.
func (d *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := d.use(ctx); err != nil {
		return err
	}
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return d.unreachable(ctx, err)
	}
	defer conn.Release()
	return store.Retry(ctx, func() error { return d.try(ctx, conn.Conn(), fn) })
}

func (d *DB) try(ctx context.Context, conn *pgx.Conn, fn func(store.Tx) error) error {
	t := &tx{reader: reader{conn: conn, ctx: ctx, begin: beginUpdate}}
	defer func() { // also when fn panics; after a commit there is nothing to roll back
		t.rollback()
		d.leave(&t.reader)
	}()
	if err := fn(t); err != nil {
		return err
	}
	if t.failed != nil {
		return fmt.Errorf("commit after an error: %w", t.failed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := t.commit()
	if t.filled {
		d.ledger.set("") // whatever became of it: the id is read anew
	}
	return err
}

// leave gives up all connections when one showed that the server went away or takes no writes any more: the others lead there too,
// and each would fail somebody. New ones look for the primary. Those in use end with their transactions.
func (d *DB) leave(r *reader) {
	var server *pgconn.PgError
	if r.ctx.Err() == nil && (r.conn.IsClosed() || errors.As(r.failed, &server) && server.Code == readOnly) {
		d.pool.Reset()
	}
}

// unreachable is why there is no connection; a context that ended is told as that.
func (d *DB) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return interpret(err)
}

// rollbackWithin ends the wait for a server that does not answer a ROLLBACK. The connection is given up then, and with it the
// transaction.
const rollbackWithin = 5 * time.Second

// rollback gives up what has begun, so that the connection can be used again.
func (r *reader) rollback() {
	const idle = 'I'
	if r.conn.IsClosed() || r.conn.PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), rollbackWithin)
	defer cancel()
	_, _ = r.conn.Exec(ctx, "ROLLBACK") // the pool drops a connection that is still in a transaction
}

// fail remembers the first error.
func (r *reader) fail(err error) error {
	if err != nil && r.failed == nil {
		r.failed = err
	}
	return err
}

// Now is the server's clock.
func (r *reader) Now(context.Context) (now time.Time, err error) {
	all, err := rows(r, queries["now"], scanTime)
	if err != nil {
		return now, err
	}
	return all[0], nil
}
