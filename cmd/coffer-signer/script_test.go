package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/signer/client"
	"coffer.internal/signing"
)

// program is the name under which this test binary is coffer-signer.
const program = "coffer-signer"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: func() { os.Exit(Main()) }})
}

// Every behaviour of the command line is a script in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("COFFER_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("COFFER_SIGNER_HOME", filepath.Join(env.WorkDir, "signer"))
			return os.WriteFile(filepath.Join(env.WorkDir, "passphrase"), []byte("correct horse battery staple\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"listening": listening,
			"mode":      mode,
			"sign":      sign,
		},
	})
}

// listening waits until somebody listens on a socket.
//
//	listening SOCKET
func listening(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listening SOCKET")
	}
	if err := awaitSocket(ts.MkAbs(args[0]), nil); err != nil {
		ts.Fatalf("%v", err)
	}
}

// awaitSocket waits until somebody listens on a socket, or until ended says that nobody will.
func awaitSocket(path string, ended <-chan struct{}) error {
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("unix", path)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-ended:
			return err
		case <-deadline.C:
			return err
		}
	}
}

// sign asks for a signature of a small payment from the ledger's one key of EVM chain 1, authorized by the service key of coffer's home
// if there is one, and prints "signed" or the refusal's code. With ! there is to be no answer, and it prints why.
//
//	[!] sign SOCKET LEDGER PAYMENT NONCE
func sign(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: sign SOCKET LEDGER PAYMENT NONCE")
	}
	c, err := client.Dial("unix:"+ts.MkAbs(args[0]), verify)
	ts.Check(err)
	k, err := c.NewKey(context.Background(), signing.KeyRequest{Ledger: args[1], ChainType: "evm", ChainID: 1, Ref: "hot"})
	if neg && err != nil {
		_, err = fmt.Fprintln(ts.Stdout(), fault.Code(err))
		ts.Check(err)
		return
	}
	ts.Check(err)
	nonce, err := strconv.ParseUint(args[3], 10, 64)
	ts.Check(err)
	r := signing.Request{Intent: signing.Intent{
		Version: signing.Version, Ledger: args[1], Payment: args[2], Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: k.Address, Nonce: nonce,
		EVM: &signing.EVMTransfer{To: to, Amount: "1", GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"},
	}}
	if service, err := keyfile.Read(filepath.Join(ts.Getenv("COFFER_HOME"), serviceFile)); err == nil {
		r.Authorizations = []string{authorization(r.Intent).Token(service)}
	}
	answers, err := c.Sign(context.Background(), signing.Batch{Requests: []signing.Request{r}})
	ts.Check(err)
	said := "signed"
	if r := answers[0].Refusal; r != nil {
		said = r.Code
	}
	_, err = fmt.Fprintln(ts.Stdout(), said)
	ts.Check(err)
}

// authorization allows what an intent pays, for an hour.
func authorization(i signing.Intent) signing.Authorization {
	to, asset, amount := i.Pays()
	now := time.Now().Truncate(time.Second)
	return signing.Authorization{
		Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount,
		MaxFee: "1000000", Issued: now, Expires: now.Add(time.Hour),
	}
}

// mode holds a file's mode to what it must be.
//
//	mode 0600 FILE
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode MODE FILE")
	}
	st, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := "0" + modeDigits(st.Mode()); got != args[0] {
		ts.Fatalf("%s has mode %s", args[1], got)
	}
}

func modeDigits(m os.FileMode) string {
	p := m.Perm()
	return string([]byte{'0' + byte(p>>6), '0' + byte(p>>3&7), '0' + byte(p&7)})
}
