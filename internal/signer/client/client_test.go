package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

const (
	ledger = "ledger-1"
	to     = "0x52908400098527886E0F7030069857D2E4169EE7"
)

// verify checks enough of a transaction for these tests: whose it is, its nonce, and its hash.
func verify(i signing.Intent, raw []byte) (string, error) {
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return "", err
	}
	sender, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), &tx)
	if err != nil || sender.Hex() != i.From || tx.Nonce() != i.Nonce {
		return "", fmt.Errorf("nonce %d of %s: %w", tx.Nonce(), sender, err)
	}
	return tx.Hash().Hex(), nil
}

// serve runs a real machine on a socket until the test ends.
func serve(t *testing.T) (m *signer.Machine, addr string) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "signer")
	if err := journal.Create(home); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(home, nil, []byte("x"), vault.Options{WorkFactor: 2}); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(home, []byte("x"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(home, v.Device(), journal.Options{Policy: policytest.AllowAll()})
	if err != nil {
		t.Fatal(err)
	}
	m = signer.New(v, j, "test")
	path := filepath.Join(home, "s")
	l, err := signer.Socket{Path: path, Mode: 0o600}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- signer.NewServer(m, slog.New(slog.DiscardHandler), signer.ServerOptions{}).Serve(ctx, l)
	}()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, m.Close()); err != nil {
			t.Error(err)
		}
	})
	return m, "unix:" + path
}

func dial(t *testing.T, addr string) *client.Client {
	t.Helper()
	c, err := client.Dial(addr, verify)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func payments(from string, n int) []signing.Intent {
	all := make([]signing.Intent, n)
	for i := range all {
		all[i] = signing.Intent{
			Version: signing.Version, Ledger: ledger, Payment: fmt.Sprint("p-<", i, ">"), Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: uint64(i),
			EVM: &signing.EVMTransfer{To: to, Amount: "1000", GasLimit: 21000, GasPrice: "12"},
		}
	}
	return all
}

func TestAClientIsAsGoodAsTheMachine(t *testing.T) {
	m, addr := serve(t)
	c := dial(t, addr)
	req := signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"}
	k, err := c.NewKey(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.NewKey(t.Context(), req); err != nil || again != k {
		t.Errorf("the same ref: %+v, %v", again, err)
	}
	if found, ok, err := c.FindKey(t.Context(), ledger, "evm", k.Address); err != nil || !ok || found != k {
		t.Errorf("found %+v, %v, %v", found, ok, err)
	}
	if _, ok, err := c.FindKey(t.Context(), ledger, "evm", to); err != nil || ok {
		t.Errorf("found what is not there: %v, %v", ok, err)
	}
	intents := payments(k.Address, 1203) // three requests
	rival := payments(k.Address, 1)[0]
	rival.Payment = "rival"
	answers, err := c.Sign(t.Context(), signing.BatchOf(append(intents, rival)...))
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers[:len(intents)] {
		if a.Refusal != nil || a.Digest != intents[i].Digest() || len(a.Raw) == 0 || a.Hash == "" {
			t.Fatalf("answer %d: %+v", i, a)
		}
	}
	if r := answers[len(intents)].Refusal; r == nil || r.Kind != signing.RefusedAsConflict || r.Code != "nonce_bound" {
		t.Errorf("the rival got %+v", r)
	}
	want, _ := m.Status(t.Context())
	if st, err := c.Status(t.Context()); err != nil || !cmp.Equal(st, want) || st.Signed != 1203 || st.Refused != 1 {
		t.Errorf("status %+v, want %+v, %v", st, want, err)
	}
	if answers, err := c.Sign(t.Context(), signing.Batch{}); err != nil || len(answers) != 0 {
		t.Errorf("nothing to sign: %v, %v", answers, err)
	}
}

func TestALockedMachineIsToldAsSuch(t *testing.T) {
	_, addr := serve(t)
	c := dial(t, addr)
	for _, want := range []bool{false, true} {
		if already, err := c.Lock(t.Context()); err != nil || already != want {
			t.Errorf("already locked: %v, %v", already, err)
		}
	}
	_, signErr := c.Sign(t.Context(), signing.BatchOf(payments(to, 1)...))
	_, keyErr := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1})
	for name, err := range map[string]error{"Sign": signErr, "NewKey": keyErr} {
		if !errors.Is(err, fault.Unreachable) || fault.Code(err) != "signer_locked" || !strings.Contains(err.Error(), "locked") || !strings.Contains(fault.Hint(err), "coffer-signer serve") {
			t.Errorf("%s: %v, hint %q", name, err, fault.Hint(err))
		}
	}
	if !errors.Is(signErr, signing.ErrNoAnswer) {
		t.Errorf("%v is an answer", signErr)
	}
	if st, err := c.Status(t.Context()); err != nil || !st.Locked {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestTheMachinesFaultsKeepTheirKind(t *testing.T) {
	_, addr := serve(t)
	_, err := dial(t, addr).NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "doge"})
	if !errors.Is(err, fault.Usage) || fault.Code(err) != "bad_chain_type" || fault.Hint(err) == "" {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
}
