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

// commitWithin ends the wait for a commit that gets no answer. The caller's context does not: once the commit is sent it stands
// or falls on the server, and whoever stops waiting for it knows less than before.
const commitWithin = 30 * time.Second

// commit sends the writes that wait and COMMIT in one round trip.
func (t *tx) commit() error {
	if t.begin != "" && len(t.queue) == 0 {
		return nil // nothing was asked of the server
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), commitWithin)
	defer cancel()
	var tag string
	end := step{text: "COMMIT", rows: func(rs pgx.Rows) error {
		rs.Close()
		tag = rs.CommandTag().String()
		return nil
	}}
	steps := t.pending(end)
	at, err := send(ctx, t.conn, steps)
	switch {
	case tag == "COMMIT": // whatever broke after that
		return nil
	case err == nil:
		return t.fail(fmt.Errorf("the server answered COMMIT with %q", tag))
	}
	return t.fail(outcome(err, at == len(steps)-1))
}

// outcome is what an error of the last batch means; last says whether it was COMMIT's own. The server skips what comes after
// a statement that it refuses: then COMMIT was not done. When there is no word from the server, it may have been.
func outcome(err error, last bool) error {
	var server *pgconn.PgError
	switch {
	case errors.As(err, &server):
		// A session that is ended says so in place of COMMIT's answer, whether that was done or not. One that was ended
		// because it was silent inside a transaction had not read COMMIT.
		if !last || server.SeverityUnlocalized == "ERROR" || server.Code == silent {
			return interpret(err)
		}
	case pgconn.SafeToRetry(err):
		// Nothing of the batch was sent.
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	case errors.As(err, new(pgx.ErrPreprocessingBatch)):
		// A statement that cannot be prepared, or an argument that cannot be written down: COMMIT comes after those.
		return interpret(err)
	}
	return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, interpret(err))
}
