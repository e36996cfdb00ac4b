package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"coffer.internal/internal/store"
)

// interpret makes ours of the driver's errors; the cause is kept. What it does not know stays a plain failure.
func interpret(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %w", store.ErrExists, err)
	}
	switch e.Code() & 0xff { // the primary code of an extended one
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	case codes.SQLITE_CANTOPEN, codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	case codes.SQLITE_NOTADB: // the name of another file, as a rule
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	case codes.SQLITE_ERROR:
		if strings.Contains(e.Error(), "no such table") {
			return fmt.Errorf("%w: %w", store.ErrNoSchema, err)
		}
	}
	return err
}
