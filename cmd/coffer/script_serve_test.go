package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/signer/vault"
)

// serve makes a signing machine (once) and serves it on the home's default socket until the script ends.
//
//	serve
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: serve")
	}
	pass := ts.MkAbs("passphrase")
	if home := ts.Getenv("COFFER_SIGNER_HOME"); !vault.Exists(home) {
		makeVault(ts, home)
		ts.Check(ts.Exec("coffer-signer", "policy", "install", "--default", "--passphrase-file", pass))
	}
	cmd := exec.Command(scriptSigner, "serve", "--passphrase-file", pass)
	cmd.Env = []string{
		"HOME=" + ts.Getenv("HOME"), "COFFER_HOME=" + ts.Getenv("COFFER_HOME"), "COFFER_SIGNER_HOME=" + ts.Getenv("COFFER_SIGNER_HOME"),
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	machine := &process{cmd, ended}
	ts.Value("machines").(map[string]*process)[ts.Getenv("COFFER_HOME")] = machine
	ts.Defer(machine.kill)
	socket := filepath.Join(ts.Getenv("COFFER_HOME"), "signer.sock")
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("unix", socket); err == nil {
			ts.Check(c.Close())
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			ts.Fatalf("coffer-signer serve ended before it listened")
		case <-deadline.C:
			ts.Fatalf("coffer-signer serve does not listen on %s", socket)
		}
	}
}
