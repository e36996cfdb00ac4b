package main

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveTLS serves the signing machine of $COFFER_SIGNER_HOME over a network, at a port of the loopback that is free, until the script ends,
// and sets a variable to where.
//
//	serve-tls VARIABLE
func serveTLS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve-tls VARIABLE")
	}
	cmd := exec.Command(scriptSigner, "serve", "--passphrase-file", ts.MkAbs("passphrase"), "--listen", "127.0.0.1:0", "--json")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "COFFER_SIGNER_HOME=" + ts.Getenv("COFFER_SIGNER_HOME")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	at, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var l struct{ Msg, At string }
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "serving" {
				at <- l.At
			}
		}
		_ = cmd.Wait()
	}()
	machine := &process{cmd, ended}
	ts.Defer(machine.kill)
	select {
	case where := <-at:
		ts.Setenv(args[0], strings.TrimSpace(where))
	case <-ended:
		ts.Fatalf("coffer-signer serve ended before it listened")
	}
}
