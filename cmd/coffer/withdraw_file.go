package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/withdrawal"
)

// abreast is how many lines of a file are on their way to the database at once; they share commits.
const abreast = 256

// withdrawFile accepts a file of withdrawals. Lines are answered in their order, each once it is committed.
func (a *app) withdrawFile(cmd *cobra.Command, name string, until withdrawal.Until, baseUnits bool) error {
	in, err := a.openFile(name)
	if err != nil {
		return err
	}
	return errors.Join(a.with(cmd.Context(), func(s *coffer.System) error {
		defer attend(s, "withdraw")()
		done, refused, err := a.stream(cmd.Context(), s, newLineReader(in, baseUnits), until)
		if err != nil {
			return err
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

func (a *app) openFile(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "check the path", "read withdrawals")
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, errors.Join(fault.New(fault.Usage, "is_directory", "name a CSV or NDJSON file", "%s is a directory", name), f.Close())
	}
	return f, nil
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
func (a *app) stream(ctx context.Context, s *coffer.System, lines *lineReader, until withdrawal.Until) (done, refused int, err error) {
	queue := make(chan chan answer, abreast)
	read := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(queue)
		read <- a.submitLines(ctx, s, lines, until, queue)
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

func (a *app) submitLines(ctx context.Context, s *coffer.System, lines *lineReader, until withdrawal.Until, queue chan<- chan answer) error {
	for {
		l, err := lines.next()
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
		go func() { slot <- submitLine(ctx, s, l, until) }() // waited for by whoever reads the slot
	}
}

func submitLine(ctx context.Context, s *coffer.System, l line, until withdrawal.Until) answer {
	got := answer{line: l.number, request: l.request.ID, err: l.err}
	if got.err != nil {
		return got
	}
	got.w, got.already, got.err = s.Withdrawals.Submit(ctx, l.request)
	if got.err == nil && until != "" {
		got.w, got.err = s.Withdrawals.Wait(ctx, l.request.ID, until, waitPoll)
	}
	return got
}

func (a *app) showAnswer(got answer) error {
	if got.err != nil {
		if a.json {
			return a.line(map[string]any{"line": got.line, "request": got.request, "error": map[string]string{
				"code": fault.Code(got.err), "message": got.err.Error(), "hint": fault.Hint(got.err)}})
		}
		a.say("line %d: %s: refused: %s", got.line, dash(got.request), got.err)
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
