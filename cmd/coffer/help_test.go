package main

import (
	"os"
	"testing"

	"github.com/spf13/cobra"

	"coffer.internal/internal/helptext/helptest"
)

func newRoot() *cobra.Command {
	return (&app{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}).root()
}

// Every command is explained, with an example that its own flags and arguments take, and its exit codes.
func TestEveryCommandIsExplainedWithAnExampleAndItsExitCodes(t *testing.T) {
	for _, p := range helptest.Problems(newRoot) {
		t.Error(p)
	}
}
