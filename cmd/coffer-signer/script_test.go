package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/officers"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

// program is the name under which this test binary is coffer-signer.
const program = "coffer-signer"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: func() { os.Exit(start(vault.Options{WorkFactor: 2})) }}) // vaults that cost little to open
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
			"late":      late,
			"until":     until,
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
	if neg && err != nil {
		_, err = fmt.Fprintln(ts.Stdout(), fault.Code(err))
		ts.Check(err)
		return
	}
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

// late approves what a file of messages names with "coffer-signer approve …", as an officer who did so a while ago, for an hour.
//
//	late AGO KEYFILE MESSAGES
func late(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: late AGO KEYFILE MESSAGES")
	}
	ago, err := time.ParseDuration(args[0])
	ts.Check(err)
	key, err := keyfile.Read(ts.MkAbs(args[1]))
	ts.Check(err)
	named := regexp.MustCompile(`approve --device '([^']+)' --action (\S+) --subject '([^']+)'`).FindStringSubmatch(ts.ReadFile(args[2]))
	if named == nil {
		ts.Fatalf("%s names nothing to approve", args[2])
	}
	token, err := officers.Act{Device: named[1], Action: named[2], Subject: named[3]}.Sign(key, time.Now().Add(-ago), time.Hour)
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), token)
	ts.Check(err)
}

// until runs coffer-signer until its standard output matches.
//
//	until PATTERN ARGUMENT…
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN ARGUMENT…")
	}
	want := regexp.MustCompile(args[0])
	var out string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		ts.Check(ts.Exec(program, args[1:]...))
		if out = ts.ReadFile("stdout"); want.MatchString(out) {
			return
		}
	}
	ts.Fatalf("coffer-signer %v never says %s:\n%s", args[1:], args[0], out)
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
