package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal"
	"coffer.internal/internal/config"
	"coffer.internal/wallet"
)

// The scripts of files that change many wallets run on both databases.
func TestBatchScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/batch"))
}

func TestBatchScriptsOnPostgres(t *testing.T) {
	testscript.Run(t, scriptsOnPostgres(t, "testdata/batch"))
}

// cut runs `coffer create-batch FILE`, sends it a signal once N wallets are there, and compares its exit code (killed: -1). What
// it printed is in FILE.out.
//
//	cut INT|KILL N CODE FILE
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: cut INT|KILL N CODE FILE")
	}
	signal := map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL}[args[0]]
	enough, err := strconv.Atoi(args[1])
	ts.Check(err)
	c, err := config.Load(ts.Getenv("COFFER_HOME"), ts.Getenv, config.Flags{})
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := coffer.Open(ctx, c, coffer.Options{})
	ts.Check(err)
	defer func() { ts.Check(s.Close()) }()
	out, err := os.Create(ts.MkAbs(args[3]) + ".out")
	ts.Check(err)
	cmd := exec.Command(os.Args[0], "create-batch", ts.MkAbs(args[3]))
	cmd.Env = append(os.Environ(), "COFFER_TEST_MAIN=1", "HOME="+ts.Getenv("HOME"), "COFFER_HOME="+ts.Getenv("COFFER_HOME"), "COFFER_DB="+ts.Getenv("COFFER_DB"))
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	for {
		ws, err := s.Wallets.List(ctx, wallet.Filter{})
		if err != nil || len(ws) >= enough {
			err = errors.Join(err, cmd.Process.Signal(signal))
			_ = cmd.Wait() // its exit code is looked at
			ts.Check(errors.Join(err, out.Close()))
			break
		}
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[2] {
		ts.Fatalf("exit code %s\n%s", got, ts.ReadFile(args[3]+".out"))
	}
}
