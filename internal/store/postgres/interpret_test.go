package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"coffer.internal/internal/store"
)

// ours are all that interpret may make of an error.
var ours = []error{
	store.ErrConflict, store.ErrOutcomeUnknown, store.ErrUnreachable, store.ErrExists, store.ErrStale, store.ErrNoSchema, store.ErrSchemaNewer, store.ErrHeld, store.ErrForbidden,
}

func wantOnly(t *testing.T, got, want, cause error) {
	t.Helper()
	for _, o := range ours {
		if errors.Is(got, o) != (o == want) {
			t.Errorf("%v: is %q: %v, want %q", got, o, errors.Is(got, o), want)
		}
	}
	if !errors.Is(got, cause) {
		t.Errorf("%v lost its cause %v", got, cause)
	}
}

func TestWhatTheServerSaysIsOurs(t *testing.T) {
	for code, want := range map[string]error{
		"CF001": store.ErrStale,
		"23505": store.ErrExists,
		"40001": store.ErrConflict, "40P01": store.ErrConflict, "55P03": store.ErrConflict,
		"42P01": store.ErrNoSchema, "3F000": store.ErrNoSchema,
		"42501": store.ErrForbidden,
		"25006": store.ErrUnreachable, "25P03": store.ErrUnreachable, "3D000": store.ErrUnreachable,
		"08006": store.ErrUnreachable, "28P01": store.ErrUnreachable, "53300": store.ErrUnreachable, "53100": store.ErrUnreachable,
		"57P01": store.ErrUnreachable, "57P03": store.ErrUnreachable, "57014": store.ErrUnreachable, "58030": store.ErrUnreachable,
		"23503": nil, "23514": nil, "42601": nil, "22003": nil, "42883": nil, "": nil,
	} {
		cause := &pgconn.PgError{Severity: "ERROR", Code: code, Message: "m"}
		wantOnly(t, interpret(fmt.Errorf("in a batch: %w", cause)), want, cause)
	}
}

func TestAServerThatDoesNotAnswerIsSaidOnOneLine(t *testing.T) {
	_, cause := pgconn.Connect(t.Context(), "postgres://nobody@127.0.0.1:1,127.0.0.2:1/none")
	if !strings.Contains(cause.Error(), "\n") {
		t.Fatalf("the driver says it on one line itself: %v", cause)
	}
	got := interpret(cause)
	wantOnly(t, got, store.ErrUnreachable, cause)
	if strings.ContainsAny(got.Error(), "\n\t") {
		t.Errorf("%q has line breaks", got)
	}
}

func TestABrokenConnectionIsUnreachable(t *testing.T) {
	for _, cause := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, errBroken,
		&net.OpError{Op: "read", Net: "unix", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
	} {
		wantOnly(t, interpret(fmt.Errorf("receive: %w", cause)), store.ErrUnreachable, cause)
	}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded, errors.New("anything else")} {
		wantOnly(t, interpret(fmt.Errorf("receive: %w", cause)), nil, cause)
	}
	if interpret(nil) != nil {
		t.Error("nothing became an error")
	}
}

// What an error of the last batch means hangs on who said it and of which statement.
func TestTheOutcomeOfACommit(t *testing.T) {
	server := func(severity, code string) error {
		return &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: "m"}
	}
	for _, c := range []struct {
		err  error
		last bool
		want error
	}{
		{server("ERROR", "23505"), false, store.ErrExists}, // a queued write was refused: COMMIT was skipped
		{server("ERROR", "CF001"), false, store.ErrStale},
		{server("ERROR", "40001"), true, store.ErrConflict}, // COMMIT itself was refused
		{server("ERROR", "23514"), false, nil},
		{server("FATAL", "57P01"), false, store.ErrUnreachable}, // ended before COMMIT
		{server("FATAL", "57P01"), true, store.ErrOutcomeUnknown},
		{server("FATAL", "25P03"), true, store.ErrUnreachable}, // ended while it waited for more of the transaction
		{server("PANIC", "53100"), true, store.ErrOutcomeUnknown},
		{fmt.Errorf("%w: %w", store.ErrConflict, server("ERROR", "23505")), false, store.ErrConflict},
	} {
		got := outcome(c.err, c.last)
		if c.want == nil {
			wantOnly(t, got, nil, c.err)
		} else if !errors.Is(got, c.want) || errors.Is(got, store.ErrOutcomeUnknown) != (c.want == store.ErrOutcomeUnknown) {
			t.Errorf("%v at the end %v: %v, want %v", c.err, c.last, got, c.want)
		}
	}
	for _, err := range []error{io.ErrUnexpectedEOF, context.DeadlineExceeded, errBroken} {
		for _, last := range []bool{true, false} {
			if got := outcome(err, last); !errors.Is(got, store.ErrOutcomeUnknown) {
				t.Errorf("%v, no word from the server: %v", err, got)
			}
		}
	}
	if got := outcome(pgx.ErrPreprocessingBatch{}, false); errors.Is(got, store.ErrOutcomeUnknown) {
		t.Errorf("nothing was sent: %v", got)
	}
}
