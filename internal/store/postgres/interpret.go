package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"coffer.internal/internal/store"
)

// errBroken marks an error after which the driver gave its connection up.
var errBroken = errors.New("the connection broke")

// interpret makes ours of the driver's errors; the cause is kept. What it does not know stays a plain failure.
func interpret(err error) error {
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &server):
		if is := meaning(server.Code); is != nil {
			return fmt.Errorf("%w: %w", is, err)
		}
		return err
	case errors.As(err, &connect): // also when it took too long: the time-out is not the caller's
		return fmt.Errorf("%w: %w", store.ErrUnreachable, oneLine{err})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, errBroken):
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	return err
}

// oneLine is an error whose text has no line breaks: the driver gives each address that it tried a line.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }

// stale is the SQLSTATE that all_or_stale raises.
const stale = "CF001"

// readOnly is the SQLSTATE of a write to a server that takes none: it became a replica, or the operator closed it.
const readOnly = "25006"

// silent is the SQLSTATE of a session that was ended because it asked nothing for too long inside a transaction.
const silent = "25P03" // idle_in_transaction_session_timeout

// meaning is ours for an SQLSTATE, or nil.
func meaning(code string) error {
	switch code {
	case stale:
		return store.ErrStale
	case "23505": // unique_violation
		return store.ErrExists
	case "40001", // serialization_failure
		"40P01", // deadlock_detected
		"55P03": // lock_not_available: a lock_timeout that the operator set
		return store.ErrConflict
	case "42P01", // undefined_table
		"3F000": // invalid_schema_name
		return store.ErrNoSchema
	case "42501": // insufficient_privilege
		return store.ErrForbidden
	case readOnly,
		silent,
		"3D000": // invalid_catalog_name: no such database
		return store.ErrUnreachable
	}
	switch code[:min(2, len(code))] {
	case "08", // connection_exception
		"28", // invalid_authorization_specification
		"53", // insufficient_resources: too many connections, disk full
		"57", // operator_intervention: shutdown, crash, starting up, cancelled
		"58": // system_error: the disk
		return store.ErrUnreachable
	}
	return nil
}
