package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// person makes an SSH key NAME and NAME.pub, as OpenSSH makes it, and starts an ssh-agent that holds it.
//
//	person NAME
func person(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: person NAME")
	}
	ts.Check(ts.Exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", args[0]+"@laptop", "-f", ts.MkAbs(args[0])))
	socket, stop, err := startAgent()
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv("AGENT_"+args[0], socket)
	ts.Setenv("SSH_AUTH_SOCK", socket)
	ts.Check(ts.Exec("ssh-add", "-q", ts.MkAbs(args[0])))
	ts.Setenv("SSH_AUTH_SOCK", "")
}

// as sits somebody down at the terminal: his agent signs. nobody has none.
//
//	as NAME
func as(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: as NAME")
	}
	ts.Setenv("SSH_AUTH_SOCK", ts.Getenv("AGENT_"+args[0]))
}

// startAgent starts a real ssh-agent. Its socket has a short path: a long one is no socket's.
func startAgent() (socket string, stop func(), err error) {
	dir, err := os.MkdirTemp("/tmp", "coffer-agent-")
	if err != nil {
		return "", nil, err
	}
	socket = filepath.Join(dir, "s")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	for give := time.Now().Add(10 * time.Second); time.Now().Before(give); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return socket, stop, nil
		}
	}
	stop()
	return "", nil, os.ErrDeadlineExceeded
}
