// Command coffer-signer is the signing machine (签名机): it alone holds keys, and signs whole intents by its own rules.
//
// The rules of its terminal are coffer's: what was asked for goes to stdout, everything else to stderr; --json gives one
// document; an error is one line and a hint; the exit codes are a promise (docs/exit-codes.md). A passphrase comes from a
// file or a file descriptor, never from an argument or the environment. Words are shown once, by init.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
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

// interrupted is the exit code of a command that was stopped by a signal before it was done.
const interrupted = 130

func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, getenv: os.Getenv}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return interrupted
	}
	return a.fail(err)
}
