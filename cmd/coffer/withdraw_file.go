package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/rowfile"
	"coffer.internal/withdrawal"
)

// abreast is how many lines of a file are on their way to the database at once; they share commits.
const abreast = 256

// withdrawFile accepts a file of withdrawals. Lines are answered in their order, each once it is committed. The file has no
// limit but that of a line.
func (a *app) withdrawFile(cmd *cobra.Command, name string, until withdrawal.Until, baseUnits bool) error {
	in, err := rowfile.Open(name, untilDone(cmd.Context(), a.stdin))
	if err != nil {
		return err
	}
	return errors.Join(a.with(cmd.Context(), func(s *coffer.System) error {
		defer attend(s, "withdraw")()
		submit := func(ctx context.Context, row rowfile.Row) answer { return submitLine(ctx, s, row, until, baseUnits) }
		if !a.json {
			a.noteDaemon(cmd.Context(), s)
		}
		done, refused, err := a.stream(cmd.Context(), rowfile.NewReader(in, withdrawalFormat), submit)
		if err != nil {
			return endedEarly(done, refused, err)
		}
		return reportPartly(done, refused)
	}), in.Close())
}

// attend shows this process in cache-status until leave is called, which waits for the end of it.
func attend(s *coffer.System, kind string) (leave func()) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		must(s.Attend(ctx, kind))
	}()
	return func() {
		stop()
		<-ended
	}
}

// answer is what became of one line.
type answer struct {
	line    int
	request string
	w       withdrawal.Withdrawal
	already bool
	err     error
}

// stream hands lines in as they come, up to abreast at a time, and prints the answers in order.
func (a *app) stream(ctx context.Context, rows *rowfile.Reader, submit func(context.Context, rowfile.Row) answer) (done, refused int, err error) {
	queue := make(chan chan answer, abreast)
	read := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(queue)
		read <- submitLines(ctx, rows, submit, queue)
	}()
	for slot := range queue {
		got := <-slot
		if got.err != nil && errors.Is(got.err, context.Canceled) {
			continue
		}
		if got.err != nil {
			refused++
		} else {
			done++
		}
		if perr := a.showAnswer(got); perr != nil && err == nil {
			err = perr
			stop()
		}
	}
	return done, refused, errors.Join(err, <-read)
}

func submitLines(ctx context.Context, rows *rowfile.Reader, submit func(context.Context, rowfile.Row) answer, queue chan<- chan answer) error {
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		slot := make(chan answer, 1)
		select {
		case queue <- slot:
		case <-ctx.Done():
			return ctx.Err()
		}
		go func() { slot <- submit(ctx, row) }() // waited for by whoever reads the slot
	}
}

// endedEarly says how far a file got that cannot be read to its end.
func endedEarly(done, refused int, err error) error {
	if done == 0 || !errors.Is(err, fault.Usage) {
		return err
	}
	return fault.Wrap(err, fault.Partly, fault.Code(err), "mend the rest and run the file again: what is accepted stays so",
		"%d accepted, %d refused, then the file cannot be read", done, refused)
}

func submitLine(ctx context.Context, s *coffer.System, row rowfile.Row, until withdrawal.Until, baseUnits bool) answer {
	req := withdrawalOf(row, baseUnits)
	got := answer{line: row.Line, request: req.ID, err: row.Err}
	if got.err != nil {
		return got
	}
	got.w, got.already, got.err = s.Withdrawals.Submit(ctx, req)
	if got.err == nil && until != "" {
		got.w, got.err = s.Withdrawals.Wait(ctx, req.ID, until, waitPoll)
	}
	return got
}

func (a *app) showAnswer(got answer) error {
	if got.err != nil {
		if a.json {
			return a.line(map[string]any{"line": got.line, "request": got.request, "error": map[string]any{
				"code": fault.Code(got.err), "message": got.err.Error(), "hint": fault.Hint(got.err), "exit_code": fault.Exit(got.err)}})
		}
		a.say("line %d: %s: refused: %s", got.line, dash(got.request), withoutLine(got.err))
		return nil
	}
	if a.json {
		return a.line(accepted{got.w, got.already})
	}
	word := "accepted"
	if got.already {
		word = "already accepted"
	}
	a.say("line %d: %s: %s: %s", got.line, got.request, word, withdrawalRow(got.w)[1])
	return nil
}

// withoutLine says what is wrong with a line whose number was said already.
func withoutLine(err error) string {
	var f *rowfile.Fault
	switch {
	case !errors.As(err, &f):
		return err.Error()
	case f.Column == 0:
		return f.Err.Error()
	default:
		return fmt.Sprintf("column %d: %s", f.Column, f.Err)
	}
}
