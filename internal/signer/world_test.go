package signer

import (
	"fmt"
	"path/filepath"
	"testing"

	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/signing"
)

const (
	ledger = "ledger-1"
	to     = "0x52908400098527886E0F7030069857D2E4169EE7"
)

var passphrase = []byte("right")

// newHome makes the home of a signing machine.
func newHome(t testing.TB) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "signer")
	if err := journal.Create(home); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(home, nil, passphrase, vault.Options{WorkFactor: 2}); err != nil {
		t.Fatal(err)
	}
	return home
}

// start opens the machine of a home. The test closes it.
func start(t *testing.T, home string) *Machine {
	t.Helper()
	return startWith(t, home, journal.Options{Policy: policytest.AllowAll()})
}

// startWith starts it with a journal that is opened in another way.
func startWith(t testing.TB, home string, o journal.Options) *Machine {
	t.Helper()
	v, err := vault.Open(home, passphrase, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(home, v.Device(), o)
	if err != nil {
		t.Fatal(err)
	}
	return New(v, j, "test")
}

// newMachine is a machine of its own, and an address that it holds for the ledger.
func newMachine(t *testing.T) (m *Machine, from string) {
	t.Helper()
	m = start(t, newHome(t))
	t.Cleanup(func() { _ = m.Close() })
	return m, newAddress(t, m)
}

func newAddress(t testing.TB, m *Machine) string {
	t.Helper()
	k, err := m.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	return k.Address
}

func payment(from string, nonce uint64, id string) signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: id, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: nonce,
		EVM: &signing.EVMTransfer{To: to, Amount: "1000", GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"},
	}
}

// payments are n payments at successive nonces.
func payments(from string, n int) []signing.Intent {
	all := make([]signing.Intent, n)
	for i := range all {
		all[i] = payment(from, uint64(i), fmt.Sprint("p-", i))
	}
	return all
}
