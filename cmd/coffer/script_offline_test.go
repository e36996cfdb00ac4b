package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal"
	"coffer.internal/internal/config"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/vault"
)

// ledgerOf sets $LEDGER to the id of the ledger of the script's database.
//
//	ledger
func ledgerOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: ledger")
	}
	ctx := context.Background()
	c, err := config.Load(ts.Getenv("COFFER_HOME"), ts.Getenv, config.Flags{})
	ts.Check(err)
	db, err := coffer.OpenDatabase(ctx, c, coffer.Options{})
	ts.Check(err)
	id, err := db.Ledger(ctx)
	ts.Check(err)
	ts.Setenv("LEDGER", id)
	ts.Check(db.Close())
}

// coldVault makes the home of a signing machine whose passphrase, that of the file passphrase, is cheap to try: it is opened often.
//
//	coldvault HOME
func coldVault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: coldvault HOME")
	}
	makeVault(ts, ts.MkAbs(args[0]))
}

func makeVault(ts *testscript.TestScript, home string) {
	ts.Check(journal.Create(home))
	_, err := vault.Create(home, nil, []byte(strings.TrimSpace(ts.ReadFile("passphrase"))), vault.Options{WorkFactor: 2})
	ts.Check(err)
}

// killed runs a command again and again, and kills it with SIGKILL after a while that grows by a fifth each time, until it comes to its end.
// A % in an argument, and in FILE, is the number of the run. Each FILE that is there after a run holds the same.
//
//	killed FILE COMMAND…
func killed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: killed FILE COMMAND…")
	}
	var was []byte
	kills := 0
	for after := 2 * time.Millisecond; after < time.Minute; after += after / 5 {
		words := make([]string, len(args))
		for i, word := range args {
			words[i] = strings.ReplaceAll(word, "%", strconv.Itoa(kills))
		}
		ended := ranFor(ts, after, words[1:])
		if b, err := os.ReadFile(ts.MkAbs(words[0])); err == nil && was != nil && !bytes.Equal(b, was) {
			ts.Fatalf("after %d kills %s holds something else:\n%s\nwas\n%s", kills, words[0], b, was)
		} else if err == nil {
			was = b
		}
		if ended {
			if was == nil {
				ts.Fatalf("%v made no %s", args[1:], args[0])
			}
			ts.Logf("%d kills, the last after %s", kills, after*5/6)
			return
		}
		kills++
	}
	ts.Fatalf("%v does not come to its end", args[1:])
}

// ranFor runs a program for a time at most, and says whether it ended by itself; it must have done well then.
func ranFor(ts *testscript.TestScript, most time.Duration, words []string) bool {
	program := os.Args[0] // coffer is this binary
	if words[0] != "coffer" {
		program = scriptSigner
	}
	cmd := exec.Command(program, words[1:]...)
	var talk bytes.Buffer
	cmd.Dir, cmd.Stderr = ts.Getenv("WORK"), &talk
	cmd.Env = append(os.Environ(), "COFFER_TEST_MAIN=1", "HOME="+ts.Getenv("HOME"), "COFFER_HOME="+ts.Getenv("COFFER_HOME"), "COFFER_DB="+ts.Getenv("COFFER_DB"),
		"COFFER_SIGNER_HOME="+ts.Getenv("COFFER_SIGNER_HOME"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	timer := time.AfterFunc(most, func() { _ = cmd.Process.Kill() }) // it may have ended
	defer timer.Stop()
	err := cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return false
	}
	if err != nil {
		ts.Fatalf("%v: %v\n%s", words, err, talk.String())
	}
	return true
}
