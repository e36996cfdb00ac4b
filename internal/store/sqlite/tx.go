package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"coffer.internal/internal/store"
)

// reader is one transaction, as far as it reads.
type reader struct {
	s      *session
	now    time.Time // the store's clock when the transaction began
	ctx    context.Context
	failed error // the first error of a method: the transaction can only be given up
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
func (d *DB) View(ctx context.Context, fn func(store.Reader) error) (err error) {
	if err := d.use(ctx); err != nil {
		return err
	}
	s, err := take(ctx, d.readers)
	if err != nil {
		return err
	}
	defer func() { d.readers <- s }()
	// It may have begun though it failed: ctx ended as it did. A session left so could never begin again.
	defer func() { _, _ = s.exec(context.WithoutCancel(ctx), "ROLLBACK") }() // nothing was written
	if _, err := s.exec(ctx, "BEGIN"); err != nil {
		return interpret(err)
	}
	return fn(&reader{s: s, now: d.clock(), ctx: ctx})
}

// Update runs fn with the writer's lock held, and again after a conflict.
func (d *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := d.use(ctx); err != nil {
		return err
	}
	s, err := take(ctx, d.writer)
	if err != nil {
		return err
	}
	defer func() { d.writer <- s }()
	return store.Retry(ctx, func() error { return d.try(ctx, s, fn) })
}

func (d *DB) try(ctx context.Context, s *session, fn func(store.Tx) error) error {
	// What follows the beginning is short and waits for nothing; only the end of ctx between two statements ends it.
	on := context.WithoutCancel(ctx)
	committed := false
	defer func() { // also when fn panics, and when ctx ended as the transaction began: its session could never begin another
		if !committed {
			_, _ = s.exec(on, "ROLLBACK") // it may have been rolled back already, or not have begun
		}
	}()
	if _, err := s.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return interpret(err)
	}
	t := &tx{reader: reader{s: s, now: d.clock(), ctx: ctx}}
	if _, err := s.exec(on, queries["author"], d.actor); err != nil {
		return interpret(err)
	}
	if err := fn(t); err != nil {
		return err
	}
	if t.failed != nil {
		return fmt.Errorf("commit after an error: %w", t.failed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := s.exec(on, "COMMIT"); err != nil {
		err = interpret(err)
		if errors.Is(err, store.ErrUnreachable) {
			// The disk failed under the commit: what a restart finds in the log is not known.
			return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, err)
		}
		return err
	}
	committed = true
	if t.filled {
		d.forgetLedger()
	}
	return nil
}

func take(ctx context.Context, from chan *session) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s := <-from:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fail remembers the first error.
func (r *reader) fail(err error) error {
	if err != nil && r.failed == nil {
		r.failed = err
	}
	return err
}

func (r *reader) stale(format string, args ...any) error {
	return r.fail(fmt.Errorf(format+": %w", append(args, store.ErrStale)...))
}

// exec runs a statement and tells how many rows it changed.
func (t *tx) exec(text string, args ...any) (int64, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, t.fail(err)
	}
	n, err := t.s.exec(context.WithoutCancel(t.ctx), text, args...)
	return n, t.fail(interpret(err))
}

// one runs a statement that must change exactly one row; else what was told has changed meanwhile.
func (t *tx) one(what string, text string, args ...any) error {
	n, err := t.exec(text, args...)
	if err == nil && n != 1 {
		return t.stale("%s", what)
	}
	return err
}

// rows runs a query and hands each row to scan.
func rows[T any](r *reader, text string, scan func(*sql.Rows, *T) error, args ...any) (all []T, err error) {
	defer func() { _ = r.fail(err) }()
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	ctx := context.WithoutCancel(r.ctx)
	stmt, err := r.s.prepare(ctx, text)
	if err != nil {
		return nil, interpret(err)
	}
	rs, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, interpret(err)
	}
	defer func() { _ = rs.Close() }()
	for rs.Next() {
		var one T
		if err := scan(rs, &one); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		all = append(all, one)
	}
	return all, interpret(rs.Err())
}

// Now is the injected clock, as it stood when the transaction had its lock.
func (r *reader) Now(context.Context) (time.Time, error) { return r.now, nil }
