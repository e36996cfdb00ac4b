package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"coffer.internal/internal/store"
)

// hold is a lock on a file beside the database. The kernel gives it back when the process ends, however it ends.
type hold struct{ file *os.File }

// Hold takes the named lock. The lock's file stays; only the lock on it says anything.
func (d *DB) Hold(_ context.Context, name string) (store.Hold, error) {
	path := d.path + "." + name + ".lock"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%s: %w", path, store.ErrHeld)
		}
		return nil, errors.Join(err, f.Close())
	}
	return &hold{file: f}, nil
}

// Lost never happens: no connection is behind it.
func (h *hold) Lost() <-chan struct{} { return nil }

// Release gives the lock back.
func (h *hold) Release() error { return h.file.Close() }

// await takes the named lock as soon as it is free.
func (d *DB) await(ctx context.Context, name string) (store.Hold, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := d.Hold(ctx, name)
		if !errors.Is(err, store.ErrHeld) {
			return h, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
