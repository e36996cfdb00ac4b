package wallet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// ledger is a fresh database with its registry.
type ledger struct {
	*testing.T
	db store.DB
	*wallet.Registry
}

// newLedger makes a database; keys may be nil.
func newLedger(t *testing.T, keys signing.Keys) ledger {
	t.Helper()
	db := openFile(t)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ledger{t, db, wallet.NewRegistry(db, keys, "tester@host 1")}
}

func openFile(t *testing.T) store.DB {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 3, 9, 15, 0, 0, time.UTC)
	db, err := sqlite.Open(t.Context(), filepath.Join(home, "coffer.db"), sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func (l ledger) audit() []store.AuditRow {
	l.Helper()
	var rows []store.AuditRow
	l.view(func(r store.Reader) (err error) {
		rows, err = r.Audit(l.Context(), store.AuditFilter{Action: "wallet."})
		return err
	})
	return rows
}

func (l ledger) externals(id int64) []store.External {
	l.Helper()
	var found []store.External
	l.view(func(r store.Reader) (err error) {
		found, err = r.Externals(l.Context(), id)
		return err
	})
	return found
}

func (l ledger) view(fn func(store.Reader) error) {
	l.Helper()
	if err := l.db.View(l.Context(), fn); err != nil {
		l.Fatal(err)
	}
}

func (l ledger) internal(q wallet.InternalRequest) wallet.Wallet {
	l.Helper()
	w, existed, err := l.CreateInternal(l.Context(), q)
	if err != nil || existed {
		l.Fatalf("existed %v, %v", existed, err)
	}
	return w
}

// machine stands for a signing machine: it makes the addresses of EIP-55 in turn, or answers with an error.
type machine struct {
	mu    sync.Mutex
	made  map[string]signing.Key // by ledger and ref
	keys  map[string]signing.Key // by ledger and address
	fails error
}

func (m *machine) NewKey(_ context.Context, r signing.KeyRequest) (signing.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return signing.Key{}, m.fails
	}
	if m.keys == nil {
		m.made, m.keys = map[string]signing.Key{}, map[string]signing.Key{}
	}
	if k, ok := m.made[r.Ledger+r.Ref]; ok && r.Ref != "" {
		return k, nil
	}
	n := len(m.keys)
	k := signing.Key{Address: eip55[n], ChainType: r.ChainType, Device: "device-1", Path: fmt.Sprintf("m/44'/60'/0'/0/%d", n)}
	m.made[r.Ledger+r.Ref], m.keys[r.Ledger+k.Address] = k, k
	return k, nil
}

func (m *machine) FindKey(_ context.Context, ledger, _, address string) (signing.Key, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[ledger+address]
	return k, ok, m.fails
}
