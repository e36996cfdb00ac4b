// Command coffer is the operator's way in: it keeps wallets and nonces, accepts withdrawals, and with `coffer run` it is
// the daemon that pays them.
//
// The rules of its terminal: what was asked for goes to stdout, everything else to stderr. A person gets aligned tables,
// --json gives one document. Nothing ever prompts. An error is one line, `coffer: what happened: why`, and a hint with the
// next command. The exit codes are a promise (docs/exit-codes.md). Secrets are never printed.
package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	os.Exit(Main())
}

// Main runs the command line of this process and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// interrupted is the exit code of a command that was stopped by a signal: what was accepted before stays accepted.
const interrupted = 130

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &data{to: stdout}
	a := &app{stdin: stdin, stdout: out, stderr: stderr, getenv: os.Getenv}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	a.json = slices.Contains(args, "--json") // also when a wrong flag before it ends the reading of flags
	err := root.ExecuteContext(ctx)
	if _, said := errors.AsType[spoken](err); err == nil || said {
		err = cmp.Or(out.fault(), err)
	}
	if err == nil {
		return 0
	}
	if done, ok := errors.AsType[spoken](err); ok {
		return done.code
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return interrupted
	}
	return a.fail(err)
}
