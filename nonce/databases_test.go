package nonce_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/nonce"
)

const chainID = 1337

// ledgerCase is a ledger on a fresh database, of which another process can be told the URL.
type ledgerCase struct {
	*testing.T
	url string
	db  store.DB
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(c ledgerCase)) {
	t.Helper()
	run := func(name string, url func(*testing.T) string) {
		t.Run(name, func(t *testing.T) {
			c := ledgerCase{T: t, url: url(t)}
			c.db = c.open()
			if _, err := c.db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(c)
		})
	}
	run("sqlite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "coffer.db") })
	run("postgres", func(t *testing.T) string { return pgtables.DSN(t) })
}

// open is one more way into the same database, as another process has it.
func (c ledgerCase) open() store.DB {
	c.Helper()
	db, err := openDatabase(context.Background(), c.url)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		if err := db.Close(); err != nil {
			c.Errorf("close: %v", err)
		}
	})
	return db
}

func openDatabase(ctx context.Context, url string) (store.DB, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return sqlite.Open(ctx, path, sqlite.Options{Now: time.Now})
	}
	return postgres.Open(ctx, url, postgres.Options{PoolSize: 2})
}

// ledger is a Ledger over db, the case's own if nil.
func (c ledgerCase) ledger(o nonce.Options) *nonce.Ledger {
	if o.DB == nil {
		o.DB = c.db
	}
	if o.TTL == 0 {
		o.TTL = time.Hour
	}
	o.Actor = "tester"
	l := nonce.New(o)
	c.Cleanup(l.Close)
	return l
}

// address is one whose canonical form is itself: digits have no case.
func address(n int) string { return fmt.Sprintf("0x%040d", n) }

// hot registers an active hot wallet whose key a signing machine holds.
func (c ledgerCase) hot(n int) store.Wallet {
	return c.add(store.Wallet{Address: address(n), Device: "machine-1", Path: fmt.Sprintf("m/44'/60'/0'/0/%d", n), WalletType: "hot"})
}

// elsewhere registers an active wallet whose key is elsewhere.
func (c ledgerCase) elsewhere(n int) store.Wallet {
	return c.add(store.Wallet{Address: address(n), WalletType: "multisig"})
}

func (c ledgerCase) add(w store.Wallet) store.Wallet {
	c.Helper()
	w.ChainType, w.ChainID, w.Active = "evm", chainID, true
	c.update(func(tx store.Tx) (err error) {
		w, err = tx.AddWallet(c.Context(), w)
		return err
	})
	return w
}

func (c ledgerCase) update(fn func(store.Tx) error) {
	c.Helper()
	if err := c.db.Update(c.Context(), fn); err != nil {
		c.Fatal(err)
	}
}

func (c ledgerCase) view(fn func(store.Reader) error) {
	c.Helper()
	if err := c.db.View(c.Context(), fn); err != nil {
		c.Fatal(err)
	}
}

// reserve asks for nonces of a wallet and must get them.
func (c ledgerCase) reserve(l *nonce.Ledger, w store.Wallet, request string, count int) nonce.Reservation {
	c.Helper()
	r, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: request, Count: count})
	if err != nil {
		c.Fatalf("reserve %s: %v", request, err)
	}
	return r
}

// ask makes a reserved nonce used, as an ask does.
func (c ledgerCase) ask(w store.Wallet, r nonce.Reservation, row int) int64 {
	c.Helper()
	var ids []int64
	c.update(func(tx store.Tx) (err error) {
		n := r.Rows[row]
		ids, err = tx.Ask(c.Context(), []store.Ask{{
			WalletID: w.ID, Nonce: n.Nonce, Fence: n.Fence, Payment: n.Payment, Request: r.Request, Row: row,
			Purpose: "payment", Digest: fmt.Sprintf("%064x", n.Nonce+uint64(w.ID)<<32), Intent: []byte("{}"),
		}})
		return err
	})
	if ids[0] == 0 {
		c.Fatalf("nonce %d was not there to be asked for", r.Rows[row].Nonce)
	}
	return ids[0]
}

// rows reads a wallet's nonce rows; each must be at its own place below the cursor.
func (c ledgerCase) rows(w store.Wallet) []store.Nonce {
	c.Helper()
	var rows []store.Nonce
	var now []store.Wallet
	c.view(func(r store.Reader) (err error) {
		if rows, err = r.Nonces(c.Context(), store.NonceFilter{WalletID: w.ID}); err != nil {
			return err
		}
		now, err = r.Wallets(c.Context(), store.WalletFilter{IDs: []int64{w.ID}})
		return err
	})
	for i, n := range rows {
		if n.Nonce != uint64(i) {
			c.Fatalf("row %d is nonce %d: the ledger has a hole", i, n.Nonce)
		}
	}
	if now[0].Nonce != uint64(len(rows)) {
		c.Fatalf("cursor %d over %d rows", now[0].Nonce, len(rows))
	}
	return rows
}

func (c ledgerCase) audit(f store.AuditFilter) []store.AuditRow {
	c.Helper()
	var rows []store.AuditRow
	c.view(func(r store.Reader) (err error) {
		rows, err = r.Audit(c.Context(), f)
		return err
	})
	return rows
}

func numbers(r nonce.Reservation) []uint64 {
	out := make([]uint64, len(r.Rows))
	for i, row := range r.Rows {
		out[i] = row.Nonce
	}
	return out
}
