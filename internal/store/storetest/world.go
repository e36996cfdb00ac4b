package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/store"
)

// world is a migrated database and what the tests say about it.
type world struct {
	*testing.T
	h    Harness
	ctx  context.Context
	name string
	db   store.DB
	made int // names given out, so that each is another one
}

func newWorld(t *testing.T, h Harness) *world {
	t.Helper()
	if h.Tables == nil {
		h.Tables = h.New
	}
	w := newUnmigrated(t, h, h.Tables)
	if _, err := w.db.Migrate(w.ctx); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	return w
}

// newBareWorld is a database without schema.
func newBareWorld(t *testing.T, h Harness) *world {
	t.Helper()
	return newUnmigrated(t, h, h.New)
}

func newUnmigrated(t *testing.T, h Harness, make func(t *testing.T) string) *world {
	t.Helper()
	w := &world{T: t, h: h, ctx: t.Context(), name: make(t)}
	w.db = w.open()
	return w
}

// open gives another handle to the same database.
func (w *world) open() store.DB {
	w.Helper()
	db, err := w.h.Open(w.ctx, w.name)
	if err != nil {
		w.Fatalf("open %s: %v", w.name, err)
	}
	w.Cleanup(func() {
		if err := db.Close(); err != nil {
			w.Errorf("Close: %v", err)
		}
	})
	return db
}

func (w *world) update(fn func(tx store.Tx) error) {
	w.Helper()
	if err := w.db.Update(w.ctx, fn); err != nil {
		w.Fatalf("Update: %v", err)
	}
}

// updateFails runs fn in an Update that must fail with one of the errors.
func (w *world) updateFails(fn func(tx store.Tx) error, want ...error) {
	w.Helper()
	err := w.db.Update(w.ctx, fn)
	for _, is := range want {
		if errors.Is(err, is) {
			return
		}
	}
	w.Fatalf("Update = %v, want %v", err, want)
}

// moves is one move of a cursor.
func moves(id int64, from, to uint64) []store.CursorMove {
	return []store.CursorMove{{WalletID: id, From: from, To: to}}
}

func (w *world) exec(statement string) error { return w.h.Exec(w.ctx, w.name, statement) }

func (w *world) unique(prefix string) string {
	w.made++
	return fmt.Sprintf("%s-%d", prefix, w.made)
}

// read is one value from one View.
func read[V any](w *world, get func(r store.Reader) (V, error)) V {
	w.Helper()
	var v V
	err := w.db.View(w.ctx, func(r store.Reader) (err error) {
		v, err = get(r)
		return err
	})
	if err != nil {
		w.Fatalf("View: %v", err)
	}
	return v
}

func (w *world) now() time.Time {
	w.Helper()
	return read(w, func(r store.Reader) (time.Time, error) { return r.Now(w.ctx) })
}

func (w *world) past() time.Time   { w.Helper(); return w.now().Add(-time.Second) }
func (w *world) future() time.Time { w.Helper(); return w.now().Add(time.Hour) }

// A wallet of the tests, to be changed before it is added.
func hot(address string) store.Wallet {
	return store.Wallet{
		Address: address, Device: "device-1", Path: "m/44'/60'/0'/0/0", ChainType: "evm", ChainID: 31337, WalletType: "hot", Active: true,
	}
}

func elsewhere(address string) store.Wallet {
	wallet := hot(address)
	wallet.Device, wallet.Path = "", ""
	return wallet
}

func (w *world) add(wallet store.Wallet) store.Wallet {
	w.Helper()
	w.update(func(tx store.Tx) (err error) {
		wallet, err = tx.AddWallet(w.ctx, wallet)
		return err
	})
	return wallet
}

func (w *world) hot() store.Wallet { w.Helper(); return w.add(hot(w.unique("0xhot"))) }

func (w *world) wallet(id int64) store.Wallet {
	w.Helper()
	found := read(w, func(r store.Reader) ([]store.Wallet, error) {
		return r.Wallets(w.ctx, store.WalletFilter{IDs: []int64{id}})
	})
	if len(found) != 1 {
		w.Fatalf("%d wallets have id %d", len(found), id)
	}
	return found[0]
}

// reserve gives the request one nonce at the wallet's cursor, as a reservation made anew, and returns its row.
func (w *world) reserve(wallet int64, request string, expires time.Time) store.Nonce {
	w.Helper()
	return w.give(wallet, request, expires, []store.Request{{ID: request, Kind: store.KindReservation, Content: "c", WalletID: wallet, Count: 1}}, nil)
}

func (w *world) give(wallet int64, request string, expires time.Time, requests []store.Request, assign []string) store.Nonce {
	w.Helper()
	at := w.wallet(wallet).Nonce
	n := store.Nonce{WalletID: wallet, Nonce: at, State: store.NonceReserved, Request: request, Fence: 1, ExpiresAt: expires}
	w.update(func(tx store.Tx) error {
		return tx.Reserve(w.ctx, store.ReservePlan{
			Requests: requests,
			Insert:   []store.Nonce{n},
			Cursors:  []store.CursorMove{{WalletID: wallet, From: at, To: at + 1}},
			Assign:   assign,
		})
	})
	return w.nonce(wallet, at)
}

// withdraw queues a withdrawal.
func (w *world) withdraw(payment string) {
	w.Helper()
	w.update(func(tx store.Tx) error {
		return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{newWithdrawal(payment)})
	})
}

func newWithdrawal(payment string) store.NewWithdrawal {
	return store.NewWithdrawal{
		Payment: payment, Content: "content of " + payment, ChainType: "evm", ChainID: 31337, To: "0xrecipient", Amount: "1000000000000000000000000",
	}
}

// assign queues a withdrawal and binds it to the wallet's next nonce.
func (w *world) assign(wallet int64, payment string, expires time.Time) store.Nonce {
	w.Helper()
	w.withdraw(payment)
	return w.give(wallet, payment, expires, nil, []string{payment})
}

// ask asks for the reservation that stands in the row and returns the attempt's id.
func (w *world) ask(n store.Nonce) int64 {
	w.Helper()
	id := w.asks(w.askFor(n))[0]
	if id == 0 {
		w.Fatalf("Ask refused nonce %d of %s", n.Nonce, n.Request)
	}
	return id
}

func (w *world) asks(asks ...store.Ask) []int64 {
	w.Helper()
	var ids []int64
	w.update(func(tx store.Tx) (err error) {
		ids, err = tx.Ask(w.ctx, asks)
		return err
	})
	if len(ids) != len(asks) {
		w.Fatalf("Ask answered %d of %d", len(ids), len(asks))
	}
	return ids
}

func (w *world) askFor(n store.Nonce) store.Ask {
	return store.Ask{
		WalletID: n.WalletID, Nonce: n.Nonce, Fence: n.Fence, Payment: n.Request, Request: n.Request, Row: n.Row,
		Purpose: "payment", Digest: w.unique("digest"), Intent: []byte("intent"),
	}
}

func (w *world) fill(n store.Nonce) store.Ask {
	a := w.askFor(n)
	a.Payment, a.Request, a.Row, a.Purpose = "", "", 0, "gap_fill"
	return a
}

// move moves an attempt through the states.
func (w *world) move(id int64, states ...string) {
	w.Helper()
	for i := 1; i < len(states); i++ {
		m := store.AttemptMove{ID: id, From: states[i-1], To: states[i]}
		switch m.To {
		case store.AttemptSigned:
			m.Raw, m.Hash = []byte{2, 0xff}, fmt.Sprintf("0xhash%d", id)
		case store.AttemptRefused:
			m.Refusal = "passing"
		case store.AttemptMined, store.AttemptFinal:
			m.BlockNumber, m.BlockHash, m.Success, m.Fee = 7, "0xblock", true, "21000"
		}
		w.update(func(tx store.Tx) error { return tx.MoveAttempts(w.ctx, []store.AttemptMove{m}) })
	}
}

func (w *world) attempt(id int64) store.Attempt {
	w.Helper()
	found := read(w, func(r store.Reader) ([]store.Attempt, error) {
		return r.Attempts(w.ctx, store.AttemptFilter{IDs: []int64{id}})
	})
	if len(found) != 1 {
		w.Fatalf("%d attempts have id %d", len(found), id)
	}
	return found[0]
}

func (w *world) withdrawal(payment string) store.Withdrawal {
	w.Helper()
	found := read(w, func(r store.Reader) ([]store.Withdrawal, error) {
		return r.Withdrawals(w.ctx, store.WithdrawalFilter{Payments: []string{payment}})
	})
	if len(found) != 1 {
		w.Fatalf("%d withdrawals have payment id %s", len(found), payment)
	}
	return found[0]
}

func (w *world) nonces(f store.NonceFilter) []store.Nonce {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Nonce, error) { return r.Nonces(w.ctx, f) })
}

func (w *world) nonce(wallet int64, nonce uint64) store.Nonce {
	w.Helper()
	found := w.nonces(store.NonceFilter{WalletID: wallet, From: nonce, Limit: 1})
	if len(found) != 1 || found[0].Nonce != nonce {
		w.Fatalf("wallet %d has no row of nonce %d: %+v", wallet, nonce, found)
	}
	return found[0]
}

// release gives a reserved nonce back.
func (w *world) release(n store.Nonce) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.Release(w.ctx, n.WalletID, n.Nonce, n.Fence) })
}

func (w *world) same(what string, want, got any, opts ...cmp.Option) {
	w.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// numbers are the nonces of rows.
func numbers(rows []store.Nonce) []uint64 {
	var out []uint64
	for _, n := range rows {
		out = append(out, n.Nonce)
	}
	return out
}
