// Command compare measures two revisions of coffer against each other, on one machine, turn by turn:
//
//	go run ./bench/compare -base REV
//
// It builds REV in a worktree of its own and the tree it stands in, then runs, alternating, the allocation benchmark (bench) and
// the demo of both. Of each figure the medians are compared. It ends with 1 if one of this tree is below 0.95 of the base's.
//
// The figures are read from what both programs print since they exist, so that any older revision can be the base.
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
	"syscall"
	"time"
)

func main() {
	base := flag.String("base", "", "the revision to compare with: a commit, a tag, a branch")
	runs := flag.Int("runs", 5, "how often each is run")
	length := flag.Duration("for", 300*time.Millisecond, "how long each figure of the allocation benchmark is measured")
	withdrawals := flag.Int("withdrawals", 2000, "how many withdrawals the demo pays")
	least := flag.Float64("least", 0.95, "the least ratio that is good")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	good, err := compare(ctx, os.Stdout, options{*base, *runs, *length, *withdrawals, *least})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
	}
	if !good {
		os.Exit(1)
	}
}

type options struct {
	base        string
	runs        int
	length      time.Duration
	withdrawals int
	least       float64
}

func compare(ctx context.Context, out io.Writer, o options) (good bool, err error) {
	if o.base == "" {
		return false, errors.New("-base is missing: the revision to compare with")
	}
	dir, err := os.MkdirTemp("", "coffer-compare-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	here, err := os.Getwd()
	if err != nil {
		return false, err
	}
	old := filepath.Join(dir, "base")
	if err := command(ctx, here, "git", "worktree", "add", "--detach", "--quiet", old, o.base); err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, command(context.WithoutCancel(ctx), here, "git", "worktree", "remove", "--force", old))
	}()
	trees := [2]*tree{{name: "base", root: old}, {name: "this", root: here}}
	for _, t := range trees {
		if err := t.build(ctx, filepath.Join(dir, t.name+"-bin")); err != nil {
			return false, err
		}
	}
	figures, err := measure(ctx, out, trees, o)
	if err != nil {
		return false, err
	}
	good = true
	fmt.Fprintf(out, "\n%-34s  %10s  %10s  %6s\n", "median of "+fmt.Sprint(o.runs), "base", "this tree", "ratio")
	for _, f := range figures {
		ratio := f.this / f.base
		verdict := ""
		if ratio < o.least {
			good, verdict = false, fmt.Sprintf("  below %.2f", o.least)
		}
		fmt.Fprintf(out, "%-34s  %8.0f/s  %8.0f/s  %6.2f%s\n", f.name, f.base, f.this, ratio, verdict)
	}
	return good, nil
}
