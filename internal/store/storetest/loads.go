package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func (w *world) load(id int64) store.Load {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Load, error) { return r.Loads(w.ctx, []int64{id}) })[0]
}

func (w *world) lastUsed(id int64) time.Time {
	w.Helper()
	return read(w, func(r store.Reader) (time.Time, error) { return r.LastUsed(w.ctx, id) })
}

// sums leaves the wallet's own row out of a comparison.
var sums = cmpopts.IgnoreFields(store.Load{}, "Cursor", "Active", "UpdatedAt")

func testLoads(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a wallet is summed up": func(w *world) {
			id, _ := w.gaps() // 0 free, 1 expired, 2 refused, 3 reserved, 4 asked, 5 signed, 6 free
			w.assign(id, "p7", w.future())
			mined := w.ask(w.assign(id, "p8", w.future()))
			w.move(mined, store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined)
			lowest := uint64(4)
			row := w.wallet(id)
			w.same("load", store.Load{
				WalletID: id, Cursor: row.Nonce, Active: true, UpdatedAt: row.UpdatedAt, Free: 3, Reserved: 2, ReservedForWithdrawals: 1, Unmined: 2, InFlight: 3,
				Gaps: []uint64{0, 1, 2, 3, 4, 6, 7}, LowestUnmined: &lowest,
			}, w.load(id))
		},

		"an empty wallet has nothing": func(w *world) {
			id := w.hot().ID
			w.same("load", store.Load{WalletID: id}, w.load(id), cmpopts.EquateEmpty(), sums)
			if at := w.lastUsed(id); !at.IsZero() {
				w.Errorf("it was never used, and was last used %v", at)
			}
		},

		"a wallet was last used when one of its attempts changed last": func(w *world) {
			id, other := w.hot().ID, w.hot().ID
			first := w.ask(w.reserve(id, "a", w.future()))
			last := w.ask(w.reserve(id, "b", w.future()))
			w.ask(w.reserve(other, "c", w.future()))
			w.move(first, store.AttemptAsked, store.AttemptRefused)
			if got, want := w.lastUsed(id), w.attempt(first).UpdatedAt; !got.Equal(want) || got.Location() != time.UTC {
				w.Errorf("last used %v, want %v; the other attempt changed %v", got, want, w.attempt(last).UpdatedAt)
			}
		},

		"the wallet's own row comes along as it is now": func(w *world) {
			before := w.hot()
			w.update(func(tx store.Tx) error {
				return errors.Join(tx.SetActive(w.ctx, before.ID, false), tx.MoveCursors(w.ctx, moves(before.ID, 0, 7)))
			})
			got, row := w.load(before.ID), w.wallet(before.ID)
			if got.Cursor != 7 || got.Active || !got.UpdatedAt.Equal(row.UpdatedAt) || got.UpdatedAt.Location() != time.UTC {
				w.Errorf("load: %+v of %+v", got, row)
			}
		},

		"the order is that of the ids": func(w *world) {
			a, b := w.hot().ID, w.hot().ID
			w.reserve(b, "r", w.future())
			got := read(w, func(r store.Reader) ([]store.Load, error) { return r.Loads(w.ctx, []int64{b, a}) })
			w.same("loads", []store.Load{{WalletID: b, Reserved: 1}, {WalletID: a}}, got, cmpopts.EquateEmpty(), sums)
		},

		"a reservation whose key is elsewhere stands for ever": func(w *world) {
			id := w.add(elsewhere("0xa")).ID
			w.reserve(id, "r", time.Time{})
			if got := w.load(id); got.Reserved != 1 || got.Free != 0 {
				w.Errorf("load: %+v", got)
			}
		},

		"at most a hundred gaps are listed, lowest first, external ones never": func(w *world) {
			id := w.hot().ID
			const rows = 120
			plan := store.ReservePlan{Cursors: []store.CursorMove{{WalletID: id, From: 0, To: rows}}}
			for i := range uint64(rows) {
				request := w.unique("r")
				plan.Requests = append(plan.Requests, store.Request{ID: request, Kind: store.KindReservation, Content: "c", WalletID: id, Count: 1})
				plan.Insert = append(plan.Insert, store.Nonce{WalletID: id, Nonce: i, State: store.NonceReserved, Request: request, Fence: 1})
			}
			w.update(func(tx store.Tx) error { return tx.Reserve(w.ctx, plan) })
			w.update(func(tx store.Tx) error {
				return tx.AddExternals(w.ctx, []store.External{{WalletID: id, From: 0, To: 4, Evidence: "chain", At: w.now()}})
			})
			if got := w.load(id); len(got.Gaps) != 0 {
				w.Errorf("nothing is signed, and the gaps are %v", got.Gaps)
			}
			w.move(w.ask(w.nonce(id, rows-1)), store.AttemptAsked, store.AttemptSigned)
			got := w.load(id).Gaps
			if len(got) != 100 || got[0] != 5 || got[99] != 104 {
				w.Errorf("gaps: %v", got)
			}
			none := w.hot().ID
			alone := read(w, func(r store.Reader) (map[int64][]uint64, error) { return r.Gaps(w.ctx, []int64{none, id}) })
			w.same("gaps alone", map[int64][]uint64{id: got}, alone, cmpopts.IgnoreMapEntries(func(_ int64, gaps []uint64) bool { return len(gaps) == 0 }))
		},

		"a refused attempt is no longer in flight, a superseded one neither": func(w *world) {
			id := w.hot().ID
			w.move(w.ask(w.reserve(id, "a", w.future())), store.AttemptAsked, store.AttemptRefused)
			w.move(w.ask(w.reserve(id, "b", w.future())), store.AttemptAsked, store.AttemptSigned, store.AttemptSuperseded)
			if got := w.load(id); got.Unmined != 0 || got.InFlight != 0 || got.LowestUnmined != nil {
				w.Errorf("load: %+v", got)
			}
		},
	})
}
