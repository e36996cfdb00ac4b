package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// step is one statement on its way to the server, and what is made of its answer.
type step struct {
	text string
	args []any
	// rows reads the answer's rows; nil if nobody wants any.
	rows func(pgx.Rows) error
	// done judges how many rows were changed; nil if any number will do. It must not be set in a queue: COMMIT may be in the
	// same batch.
	done func(n int64) error
	// yields: a unique value that is there already is another writer who was faster, not a mistake of the caller.
	yields bool
}

// query is a step that reads rows into all.
func query[T any](all *[]T, text string, scan func(pgx.Rows, *T) error, args ...any) step {
	return step{text: text, args: args, rows: func(rs pgx.Rows) error {
		for rs.Next() {
			var one T
			if err := scan(rs, &one); err != nil {
				return fmt.Errorf("read a row: %w", err)
			}
			*all = append(*all, one)
		}
		return nil
	}}
}

// exactly is a step that must change n rows; else what was told has changed meanwhile.
func exactly(n int, what, text string, args ...any) step {
	return step{text: text, args: args, done: func(changed int64) error {
		if changed != int64(n) {
			return fmt.Errorf("%s: %w", what, store.ErrStale)
		}
		return nil
	}}
}

// rows runs one query.
func rows[T any](r *reader, text string, scan func(pgx.Rows, *T) error, args ...any) (all []T, err error) {
	err = r.run(query(&all, text, scan, args...))
	return all, err
}

// run sends the steps in one round trip: after BEGIN if it was not sent yet, and after the writes that wait.
func (r *reader) run(steps ...step) error {
	if err := r.ctx.Err(); err != nil {
		return r.fail(err)
	}
	_, err := send(r.ctx, r.conn, r.pending(steps...))
	return r.fail(interpret(err))
}

// pending is all that has to be sent, with the steps at its end. Nothing waits any more.
func (r *reader) pending(steps ...step) []step {
	if r.begin == "" && len(r.queue) == 0 {
		return steps
	}
	all := make([]step, 0, 1+len(r.queue)+len(steps))
	if r.begin != "" {
		all = append(all, step{text: r.begin})
	}
	all = append(append(all, r.queue...), steps...)
	r.begin, r.queue = "", nil
	return all
}

// send sends the steps in one round trip and reads all answers. It returns the first error, as the driver says it, and at
// which step it was. The server skips everything after a statement that fails.
func send(ctx context.Context, conn *pgx.Conn, steps []step) (at int, err error) {
	var batch pgx.Batch
	for _, s := range steps {
		batch.Queue(s.text, s.args...)
	}
	answers := conn.SendBatch(ctx, &batch)
	defer func() {
		if e := answers.Close(); err == nil && e != nil {
			at, err = len(steps)-1, e
		}
		if err != nil && conn.IsClosed() && ctx.Err() == nil {
			err = errors.Join(err, errBroken)
		}
	}()
	for i, s := range steps {
		if err := s.read(answers); err != nil {
			return i, err
		}
	}
	return 0, nil
}

func (s step) read(answers pgx.BatchResults) error {
	if s.rows == nil {
		tag, err := answers.Exec()
		if err == nil && s.done != nil {
			err = s.done(tag.RowsAffected())
		}
		return s.told(err)
	}
	rs, err := answers.Query()
	if err != nil {
		return s.told(err)
	}
	defer rs.Close()
	if err := s.rows(rs); err != nil {
		return err
	}
	rs.Close() // the error of a statement may come after its rows
	return s.told(rs.Err())
}

// told adds what the step knows of its error.
func (s step) told(err error) error {
	if err != nil && s.yields && errors.Is(interpret(err), store.ErrExists) {
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	return err
}
