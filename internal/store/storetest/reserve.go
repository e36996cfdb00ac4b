package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

// set is what changes with every write and is not compared.
var set = cmpopts.IgnoreFields(store.Nonce{}, "UpdatedAt")

func (w *world) facts(want store.ReserveWant) store.ReserveFacts {
	w.Helper()
	var facts store.ReserveFacts
	w.update(func(tx store.Tx) (err error) {
		facts, err = tx.LockForReserve(w.ctx, want)
		return err
	})
	return facts
}

func (f freeOf) of(wallet int64) []uint64 {
	var out []uint64
	for _, n := range f {
		if n.WalletID == wallet {
			out = append(out, n.Nonce)
		}
	}
	return out
}

type freeOf []store.Nonce

func testLockForReserve(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"it locks the wallets wanted, those of the pools and those of held rows, each once, by id": func(w *world) {
			holder := w.add(elsewhere("0xholder"))
			plain := w.add(elsewhere("0xplain"))
			pooled, also := w.hot(), w.hot()
			for _, out := range []func(*store.Wallet){
				func(x *store.Wallet) { x.Active = false },
				func(x *store.Wallet) { x.WalletType = "vault" },
				func(x *store.Wallet) { x.Device, x.Path = "", "" },
				func(x *store.Wallet) { x.ChainID = 1 },
				func(x *store.Wallet) { x.ChainType = "solana" },
			} {
				x := hot(w.unique("0xout"))
				out(&x)
				w.add(x)
			}
			n := w.reserve(holder.ID, "held", time.Time{})
			got := w.facts(store.ReserveWant{
				WalletIDs: []int64{also.ID, plain.ID},
				Pools:     []store.Pool{{ChainType: "evm", ChainID: 31337}, {ChainType: "btc", ChainID: 0}},
				Requests:  []string{"held", "unknown"},
				FreeLimit: 3,
			})
			w.same("wallets", []store.Wallet{w.wallet(holder.ID), plain, pooled, also}, got.Wallets)
			w.same("loads", []store.Load{
				{WalletID: holder.ID, Reserved: 1}, {WalletID: plain.ID}, {WalletID: pooled.ID}, {WalletID: also.ID},
			}, got.Loads)
			w.same("held", []store.Nonce{n}, got.Held)
			w.same("requests", []store.Request{{ID: "held", Kind: store.KindReservation, Content: "c", WalletID: holder.ID, Count: 1}},
				got.Requests, cmpopts.IgnoreFields(store.Request{}, "CreatedAt"))
			if got.Now.IsZero() || got.Now.Location() != time.UTC || got.Requests[0].CreatedAt.IsZero() {
				w.Errorf("Now = %v, requests %+v", got.Now, got.Requests)
			}
		},

		"held rows are there whatever their state": func(w *world) {
			id := w.hot().ID
			used := w.reserve(id, "used", w.future())
			w.ask(used)
			expired := w.reserve(id, "expired", w.past())
			got := w.facts(store.ReserveWant{Requests: []string{"used", "expired"}})
			w.same("held", []store.Nonce{w.nonce(id, used.Nonce), expired}, got.Held)
		},

		"free is what can be given: the lowest of each wallet, not more than wanted": func(w *world) {
			a, b := w.hot().ID, w.add(elsewhere("0xb")).ID
			var gone []store.Nonce
			for i, expires := range []time.Time{w.future(), w.past(), w.future(), w.future(), w.past(), w.future()} {
				n := w.reserve(a, w.unique("a"), expires)
				if i == 2 || i == 5 {
					gone = append(gone, n)
				}
				if i == 3 {
					w.ask(n)
				}
			}
			w.reserve(b, "never", time.Time{})
			gone = append(gone, w.reserve(b, "back", time.Time{}))
			w.reserve(b, "signed elsewhere, unseen", w.past()) // so the time is nobody's to judge
			for _, n := range gone {
				w.release(n)
			}
			want := store.ReserveWant{WalletIDs: []int64{a, b}, FreeLimit: 3}
			got := w.facts(want)
			w.same("free of a", []uint64{1, 2, 4}, freeOf(got.Free).of(a))
			w.same("free of b", []uint64{1}, freeOf(got.Free).of(b))
			for _, n := range got.Free {
				w.same("the row", w.nonce(n.WalletID, n.Nonce), n)
			}
			want.FreeLimit = 0
			if got := w.facts(want); len(got.Free) != 0 {
				w.Errorf("nothing free was wanted, and %v came", got.Free)
			}
		},

		"loads count what stands": func(w *world) {
			id, keyless := w.hot().ID, w.add(elsewhere("0xb")).ID
			w.reserve(id, "plain", w.future())
			w.reserve(id, "expired", w.past())
			w.assign(id, "pay", w.future())
			w.assign(id, "pay-expired", w.past())
			w.ask(w.assign(id, "pay-asked", w.future()))
			mined := w.ask(w.assign(id, "pay-mined", w.future()))
			w.move(mined, store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined)
			final := w.ask(w.assign(id, "pay-final", w.future()))
			w.move(final, store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal)
			adopted := w.reserve(id, "go", w.future())
			w.adopt(adopted, "go")
			w.reserve(keyless, "elsewhere", time.Time{})
			got := w.facts(store.ReserveWant{WalletIDs: []int64{id, keyless}})
			w.same("loads", []store.Load{
				{WalletID: id, Reserved: 3, ReservedForWithdrawals: 2, Unmined: 1, InFlight: 2}, {WalletID: keyless, Reserved: 1},
			}, got.Loads)
		},
	})
}

// adopt makes the withdrawal row of a reservation.
func (w *world) adopt(n store.Nonce, payment string) {
	w.Helper()
	w.update(func(tx store.Tx) error {
		return tx.AdoptReservation(w.ctx, store.Withdrawal{
			Payment: payment, Request: n.Request, Row: n.Row, ChainType: "evm", ChainID: 31337, To: "0xrecipient", Asset: "USDT",
			Contract: "0xusdt", Amount: "5",
		}, store.Authorized{})
	})
}

func testReserve(t *testing.T, h Harness) {
	stale := []error{store.ErrStale, store.ErrConflict}
	tests(t, h, map[string]func(*world){
		"a plan is written whole": func(w *world) {
			a, b := w.hot(), w.add(elsewhere("0xb"))
			w.withdraw("pay")
			back := w.reserve(a.ID, "first", w.future())
			w.release(back)
			expires := w.future()
			w.update(func(tx store.Tx) error {
				if _, err := tx.LockForReserve(w.ctx, store.ReserveWant{WalletIDs: []int64{a.ID, b.ID}}); err != nil {
					return err
				}
				return tx.Reserve(w.ctx, store.ReservePlan{
					Requests: []store.Request{{ID: "r", Kind: store.KindReservation, Content: "three", WalletID: b.ID, Count: 2}},
					Take:     []store.Nonce{{WalletID: a.ID, Nonce: 0, State: store.NonceReserved, Request: "pay", Fence: 2, ExpiresAt: expires}},
					Insert: []store.Nonce{
						{WalletID: b.ID, Nonce: 0, State: store.NonceReserved, Request: "r", Row: 0, Fence: 1},
						{WalletID: b.ID, Nonce: 1, State: store.NonceReserved, Request: "r", Row: 1, Fence: 1},
					},
					Cursors: []store.CursorMove{{WalletID: b.ID, From: 0, To: 2}},
					Assign:  []string{"pay"},
					Audit:   []store.AuditRow{{Actor: "me", Action: "nonce.reserve", Subject: "b", After: "3", Result: store.ResultDone}},
				})
			})
			w.same("taken", []store.Nonce{{WalletID: a.ID, State: store.NonceReserved, Request: "pay", Fence: 2, ExpiresAt: expires}},
				w.nonces(store.NonceFilter{WalletID: a.ID}), set)
			w.same("inserted", []store.Nonce{
				{WalletID: b.ID, Nonce: 0, State: store.NonceReserved, Request: "r", Row: 0, Fence: 1},
				{WalletID: b.ID, Nonce: 1, State: store.NonceReserved, Request: "r", Row: 1, Fence: 1},
			}, w.nonces(store.NonceFilter{WalletID: b.ID}), set)
			if got := w.wallet(b.ID).Nonce; got != 2 {
				w.Errorf("the cursor is %d", got)
			}
			if got := w.withdrawal("pay"); got.State != store.WithdrawalAssigned || got.WalletID != a.ID {
				w.Errorf("withdrawal: %+v", got)
			}
			requests := read(w, func(r store.Reader) ([]store.Request, error) { return r.Requests(w.ctx, []string{"r", "no"}) })
			if len(requests) != 1 || requests[0].Count != 2 || requests[0].Content != "three" || requests[0].WalletID != b.ID {
				w.Errorf("requests: %+v", requests)
			}
			if rows := w.audit(store.AuditFilter{}); len(rows) != 1 || rows[0].After != "3" {
				w.Errorf("audit: %+v", rows)
			}
		},

		"an expired reservation goes to another request, or again to its own": func(w *world) {
			id := w.hot().ID
			w.reserve(id, "mine", w.past())
			w.reserve(id, "theirs", w.past())
			expires := w.future()
			w.update(func(tx store.Tx) error {
				return tx.Reserve(w.ctx, store.ReservePlan{
					Requests: []store.Request{{ID: "new", Kind: store.KindReservation, Content: "c", WalletID: id, Count: 1}},
					Take: []store.Nonce{
						{WalletID: id, Nonce: 0, State: store.NonceReserved, Request: "mine", Fence: 2, ExpiresAt: expires},
						{WalletID: id, Nonce: 1, State: store.NonceReserved, Request: "new", Fence: 2, ExpiresAt: expires},
					},
				})
			})
			w.same("rows", []store.Nonce{
				{WalletID: id, Nonce: 0, State: store.NonceReserved, Request: "mine", Fence: 2, ExpiresAt: expires},
				{WalletID: id, Nonce: 1, State: store.NonceReserved, Request: "new", Fence: 2, ExpiresAt: expires},
			}, w.nonces(store.NonceFilter{WalletID: id}), set)
		},

		"requests may change places in one plan": func(w *world) {
			id := w.hot().ID
			w.reserve(id, "a", w.past())
			w.reserve(id, "b", w.past())
			w.update(func(tx store.Tx) error {
				return tx.Reserve(w.ctx, store.ReservePlan{
					Take: []store.Nonce{
						{WalletID: id, Nonce: 0, State: store.NonceReserved, Request: "b", Fence: 2, ExpiresAt: w.future()},
						{WalletID: id, Nonce: 1, State: store.NonceReserved, Request: "a", Fence: 2, ExpiresAt: w.future()},
					},
				})
			})
			if w.nonce(id, 0).Request != "b" || w.nonce(id, 1).Request != "a" {
				w.Errorf("rows: %+v", w.nonces(store.NonceFilter{}))
			}
		},

		"many rows are one plan": func(w *world) {
			const rows = 300
			id := w.hot().ID
			plan := store.ReservePlan{Cursors: []store.CursorMove{{WalletID: id, From: 0, To: rows}}}
			for i := range uint64(rows) {
				request := w.unique("many")
				plan.Requests = append(plan.Requests, store.Request{ID: request, Kind: store.KindReservation, Content: "c", WalletID: id, Count: 1})
				plan.Insert = append(plan.Insert, store.Nonce{WalletID: id, Nonce: i, State: store.NonceReserved, Request: request, Fence: 1})
			}
			w.update(func(tx store.Tx) error { return tx.Reserve(w.ctx, plan) })
			got := w.nonces(store.NonceFilter{WalletID: id})
			w.same("rows", plan.Insert, got, set)
		},

		"an assigned withdrawal stays assigned": func(w *world) {
			id := w.hot().ID
			n := w.assign(id, "pay", w.past())
			w.update(func(tx store.Tx) error {
				n.Fence, n.ExpiresAt = 2, w.future()
				return tx.Reserve(w.ctx, store.ReservePlan{Take: []store.Nonce{n}, Assign: []string{"pay"}})
			})
			if got := w.withdrawal("pay"); got.State != store.WithdrawalAssigned || got.Fence != 2 {
				w.Errorf("withdrawal: %+v", got)
			}
		},

		"what is no longer so is not written": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "there", w.future())
			w.withdraw("ended")
			w.update(func(tx store.Tx) error {
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
					{Payment: "ended", From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeCancelled},
				})
			})
			audit := []store.AuditRow{{Actor: "me", Action: "nonce.reserve", Subject: "s", Result: store.ResultDone}}
			for name, plan := range map[string]store.ReservePlan{
				"a cursor that moved": {Cursors: []store.CursorMove{{WalletID: id, From: 0, To: 2}}},
				"a nonce that has a row": {
					Requests: []store.Request{{ID: "new", Kind: store.KindReservation, Content: "c", WalletID: id, Count: 1}},
					Insert:   []store.Nonce{{WalletID: id, Nonce: 0, State: store.NonceReserved, Request: "new", Fence: 1}},
				},
				"a request row that has a nonce": {
					Insert: []store.Nonce{{WalletID: id, Nonce: 1, State: store.NonceReserved, Request: "there", Fence: 1}},
				},
				"a row that is not there": {
					Take: []store.Nonce{{WalletID: id, Nonce: 9, State: store.NonceReserved, Request: "x", Fence: 2}},
				},
				"a row given again meanwhile": {
					Take: []store.Nonce{{WalletID: id, Nonce: 0, State: store.NonceReserved, Request: "x", Fence: n.Fence + 2}},
				},
				"a withdrawal that has ended":    {Assign: []string{"ended"}},
				"a withdrawal that is not there": {Assign: []string{"nobody"}},
			} {
				plan.Audit = audit
				err := w.db.Update(w.ctx, func(tx store.Tx) error { return tx.Reserve(w.ctx, plan) })
				if !isOne(err, stale) {
					w.Errorf("%s: Update = %v", name, err)
				}
			}
			w.same("the row", []store.Nonce{n}, w.nonces(store.NonceFilter{}))
			if got := w.wallet(id).Nonce; got != 1 {
				w.Errorf("the cursor is %d", got)
			}
			if rows := w.audit(store.AuditFilter{}); len(rows) != 0 {
				w.Errorf("audit: %+v", rows)
			}
		},
	})
}
