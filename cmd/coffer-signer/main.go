// Command coffer-signer is the signing machine (签名机): it alone holds keys, and signs whole intents by its own rules.
//
// The rules of its terminal are coffer's: what was asked for goes to stdout, everything else to stderr; --json gives one
// document; an error is one line and a hint; the exit codes are a promise (docs/exit-codes.md). A passphrase comes from a
// file or a file descriptor, never from an argument or the environment. Words are shown once, by init.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"coffer.internal/internal/signer/vault"
)

func main() {
	os.Exit(Main())
}

// Main runs the command line of this process and returns its exit code.
func Main() int { return start(vault.Options{}) }

// start runs the command line. New vaults are sealed as the options say.
func start(seal vault.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, seal: seal}
	return a.run(ctx, os.Args[1:])
}

// interrupted is the exit code of a command that was stopped by a signal before it was done.
const interrupted = 130

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return interrupted
	}
	return a.fail(err)
}
