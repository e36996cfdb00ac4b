package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

// process is a real coffer-signer that a test may kill.
type process struct {
	t    *testing.T
	home string
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan struct{}
	more []string // further arguments of serve
}

// newProcess makes a machine whose passphrase costs little to try, so that a test can start it many times.
func newProcess(t *testing.T) *process {
	t.Helper()
	return newProcessUnder(t, policytest.AllowAllText)
}

// newProcessUnder is a machine with a policy.
func newProcessUnder(t *testing.T, policy string) *process {
	t.Helper()
	p := &process{
		t: t, home: filepath.Join(t.TempDir(), "s"),
		more: []string{"--freeze-after-conflicts", "1000000"}, // rivals for what is signed are what most of these tests are about
	}
	if err := journal.Create(p.home); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(p.home, nil, []byte("x"), vault.Options{WorkFactor: 2}); err != nil {
		t.Fatal(err)
	}
	installForTest(t, p.home, "x", policy)
	if err := os.WriteFile(filepath.Join(p.home, "passphrase"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// installForTest puts a policy in force in a home that nobody serves.
func installForTest(t *testing.T, home, passphrase, text string) {
	t.Helper()
	v, err := vault.Open(home, []byte(passphrase), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, _, err := install(t.Context(), home, v, signer.PolicyChange{Text: []byte(text), At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

func (p *process) socket() string { return filepath.Join(p.home, "signer.sock") }

func (p *process) start() {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.log = new(bytes.Buffer)
	p.cmd = &exec.Cmd{
		Path:        self,
		Args:        append([]string{program, "serve", "--passphrase-file", filepath.Join(p.home, "passphrase")}, p.more...),
		Env:         []string{"HOME=" + p.home, "COFFER_HOME=" + p.home, "COFFER_SIGNER_HOME=" + p.home},
		Stderr:      p.log,
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	done, cmd := make(chan struct{}), p.cmd
	go func() { defer close(done); _ = cmd.Wait() }()
	p.done = done
	if err := awaitSocket(p.socket(), done); err != nil {
		p.t.Fatalf("it does not listen: %v", err)
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) client() *client.Client {
	p.t.Helper()
	c, err := client.Dial("unix:"+p.socket(), verify)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// verify says whose transaction the bytes are, by another function than the one that made them.
func verify(i signing.Intent, raw []byte) (string, error) {
	switch i.ChainType {
	case derive.BTC:
		return btctx.Verify(i, raw)
	case derive.Solana:
		return soltx.Verify(i, raw)
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return "", err
	}
	sender, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), &tx)
	if err == nil && (sender.Hex() != i.From || tx.Nonce() != i.Nonce || tx.Value().String() != i.EVM.Amount) {
		err = fmt.Errorf("nonce %d of %s", tx.Nonce(), sender)
	}
	return tx.Hash().Hex(), err
}
