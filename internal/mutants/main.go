// Command mutants breaks each guard of coffer on purpose and sees whether its named test notices.
//
// A mutant is a small patch in testdata with three lines above it: what it takes away (guard:), where the test stands
// (package:) and what it is called (test:, a -run pattern). Each is applied to a copy of the tree, working changes included;
// the test must then fail.
//
// A patch may have a fourth line (attack:): which attempts of the attacker's suite succeed with this guard alone taken away, comma-separated,
// or "none: " and the reason. Each such attempt is tried as a mutant of its own, called PATCH@ATTEMPT. A patch of the signing machine has
// this line, or is in an attempt's set; the attacker's suite holds that.
//
// A set (.set) takes several guards away at once: it has the same three lines, names the patches that are applied one after the
// other (without:, comma-separated), and may say which text the failing test must show (shows:), so that it fails for the right reason.
//
// Killed means: without the patch the test runs and passes, with it the code still builds and an assertion of that test fails.
// A patch that does not apply or build, a test that is not there, is skipped, is red anyway, panics or hangs: none of these
// says anything about the guard, and each fails the run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"
)

func main() {
	only := flag.String("run", "", "only mutants whose file name matches this regular expression")
	workers := flag.Int("j", runtime.GOMAXPROCS(0), "how many mutants are tried at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *workers, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, workers int, out io.Writer) (err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	mutants, err := load("internal/mutants/testdata", match)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "coffer-mutants-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	r := &report{out: out}
	if err := tryAll(ctx, temp, mutants, min(max(workers, 1), len(mutants)), r); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d mutants, %d killed, %d alive\n", len(mutants), len(mutants)-r.alive, r.alive)
	if r.alive > 0 {
		return errors.New("a guard has no test that fails without it")
	}
	return nil
}

// tryAll shares the mutants out to workers, each with a tree of its own.
func tryAll(ctx context.Context, temp string, mutants []mutant, workers int, r *report) error {
	var all sync.WaitGroup
	work := make(chan mutant)
	failed := make([]error, workers)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sound := &baseline{dir: temp, packages: map[string]*built{}, tests: map[[2]string]*verdict{}}
	for i := range workers {
		tree := filepath.Join(temp, fmt.Sprint("tree-", i))
		if err := copyTree(ctx, tree); err != nil {
			return err
		}
		all.Go(func() {
			for m := range work {
				if failed[i] = try(ctx, tree, m, sound, r); failed[i] != nil {
					cancel(failed[i])
					return
				}
			}
		})
	}
	for _, m := range mutants {
		select {
		case work <- m:
		case <-ctx.Done():
		}
	}
	close(work)
	all.Wait()
	return errors.Join(append(failed, ctx.Err())...)
}

// try tries one mutant in a tree, and leaves the tree as it was. An error means that the run cannot go on.
func try(ctx context.Context, tree string, m mutant, sound *baseline, r *report) error {
	start := time.Now()
	err := sound.check(ctx, tree, m)
	if err == nil {
		var applied int
		if applied, err = applyAll(ctx, tree, m.patches); err == nil {
			err = killed(ctx, tree, m)
		}
		for _, patch := range slices.Backward(m.patches[:applied]) {
			if back := apply(ctx, tree, patch, "-R"); back != nil {
				return fmt.Errorf("%s cannot be taken out again: %w", m.name, errors.Join(back, ctx.Err()))
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.add(m, err, time.Since(start))
	return nil
}

// report prints what became of each mutant.
type report struct {
	mu    sync.Mutex
	out   io.Writer
	alive int
}

func (r *report) add(m mutant, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.alive++
		fmt.Fprintf(r.out, "ALIVE   %s: %s\n        %v\n", m.name, m.guard, err)
		return
	}
	fmt.Fprintf(r.out, "killed  %-40s %5.1fs  %s\n", m.name, took.Seconds(), m.guard)
}
