package storetest

import (
	"fmt"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// What reconciliation asks of a database.
func testReconcile(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"what is final, told, or external is accounted for below the chain's count": func(w *world) {
			id := w.hot().ID
			for range 3 {
				w.final(id)
			}
			w.final(id)
			w.update(func(tx store.Tx) error {
				return tx.AddExternals(w.ctx, []store.External{{WalletID: id, From: 4, To: 6, Evidence: "operator", Reason: "r", At: w.now()}})
			})
			w.update(func(tx store.Tx) error { return tx.MoveCursors(w.ctx, moves(id, 4, 7)) })
			w.ask(w.assign(id, w.unique("p"), w.future())) // under way
			w.same("below the count", []store.Unaccounted(nil), w.unaccounted(id, 8, 10))
			out := w.add(elsewhere("0xelsewhere")).ID
			n := w.reserve(out, "r", time.Time{})
			w.update(func(tx store.Tx) error { return tx.MarkSentElsewhere(w.ctx, out, 0, n.Fence, "0xhash") })
			w.same("told", []store.Unaccounted(nil), w.unaccounted(out, 1, 10))
		},

		"what the chain spent and nobody used is not, with or without a row": func(w *world) {
			id := w.hot().ID
			w.final(id)                                   // 0
			w.reserve(id, "reserved", w.future())         // 1
			w.release(w.reserve(id, "freed", w.future())) // 2
			refused := w.assign(id, "refused", w.future())
			w.move(w.ask(refused), store.AttemptAsked, store.AttemptRefused) // 3
			w.update(func(tx store.Tx) error {
				return tx.AddExternals(w.ctx, []store.External{{WalletID: id, From: 6, To: 7, Evidence: "operator", Reason: "r", At: w.now()}})
			})
			want := []store.Unaccounted{
				{WalletID: id, From: 1, To: 1, State: store.NonceReserved, Request: "reserved", Spent: true},
				{WalletID: id, From: 2, To: 2, State: store.NonceFree, Spent: true},
				{WalletID: id, From: 3, To: 3, State: store.NonceUsed, Spent: true},
				{WalletID: id, From: 4, To: 5, Spent: true},
				{WalletID: id, From: 8, To: 9, Spent: true},
			}
			w.same("unaccounted", want, w.unaccounted(id, 10, 10))
			w.same("only so many", want[:2], w.unaccounted(id, 10, 2))
			w.same("up to the count", want[:1], w.unaccounted(id, 2, 10))
			w.same("of none", []store.Unaccounted(nil), w.unaccounted(id, 1, 10))
		},

		"a superseded attempt accounts for a nonce if it was in a block": func(w *world) {
			id := w.hot().ID
			w.move(w.ask(w.assign(id, "a", w.future())), store.AttemptAsked, store.AttemptSigned, store.AttemptSuperseded)
			w.move(w.ask(w.assign(id, "b", w.future())), store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal, store.AttemptSuperseded)
			got := w.unaccounted(id, 2, 10)
			w.same("unaccounted", []store.Unaccounted{{WalletID: id, State: store.NonceUsed, Request: "a", Spent: true}}, got)
		},

		"a range inside of which rows lie is no hole": func(w *world) {
			id := w.hot().ID
			w.final(id)
			w.update(func(tx store.Tx) error {
				return tx.AddExternals(w.ctx, []store.External{{WalletID: id, From: 1, To: 9, Evidence: "operator", Reason: "r", At: w.now()}})
			})
			if err := w.exec(fmt.Sprintf("INSERT INTO nonces (wallet_id, nonce, state, fence, updated_at) VALUES (%d, 3, 'used', 1, '2026-01-01T00:00:00.000000Z')", id)); err != nil {
				w.Fatal(err)
			}
			w.same("unaccounted", []store.Unaccounted(nil), w.unaccounted(id, 10, 10))
		},

		"at the count and above, what is final or used for nothing is not accounted for": func(w *world) {
			id := w.hot().ID
			w.final(id)
			w.ask(w.assign(id, "under way", w.future()))
			w.move(w.ask(w.assign(id, "refused", w.future())), store.AttemptAsked, store.AttemptRefused)
			w.reserve(id, "reserved", w.future())
			lost := w.assign(id, "lost", w.future())
			w.move(w.ask(lost), store.AttemptAsked, store.AttemptSuperseded)
			w.same("unaccounted", []store.Unaccounted{
				{WalletID: id, State: store.NonceUsed, Request: w.nonce(id, 0).Request, Final: true},
				{WalletID: id, From: 4, To: 4, State: store.NonceUsed, Request: "lost"},
			}, w.unaccounted(id, 0, 10))
			w.same("the final one is spent", []store.Unaccounted{{WalletID: id, From: 4, To: 4, State: store.NonceUsed, Request: "lost"}}, w.unaccounted(id, 1, 10))
		},

		"withdrawals are selected by when they ended": func(w *world) {
			before := w.now()
			for _, id := range []string{"a", "b", "c"} {
				w.withdraw(id)
			}
			for _, id := range []string{"a", "b"} {
				w.moveWithdrawal(store.WithdrawalMove{Payment: id, From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeRefused})
			}
			at := w.withdrawal("b").EndedAt
			w.same("from the beginning", []string{"a", "b"}, w.selected(store.WithdrawalFilter{EndedFrom: before}))
			w.same("from then on", []string{"b"}, w.selected(store.WithdrawalFilter{EndedFrom: at.Add(time.Microsecond).Add(-time.Microsecond), AfterSeq: w.withdrawal("a").Seq}))
			w.same("before that", 0, len(w.selected(store.WithdrawalFilter{EndedUntil: w.withdrawal("a").EndedAt})))
			w.same("after that", 0, len(w.selected(store.WithdrawalFilter{EndedFrom: at.Add(time.Microsecond)})))
		},

		"attempts are selected by when they became final, and whether a withdrawal has their payment": func(w *world) {
			id := w.hot().ID
			paid := w.final(id)
			w.withdraw("known")
			if err := w.exec("UPDATE attempts SET payment = 'known'"); err != nil {
				w.Fatal(err)
			}
			lost := w.final(id)
			all := w.attempts(store.AttemptFilter{IDs: []int64{paid, lost}})
			first, last := all[0].FinalAt, all[1].FinalAt
			ids := func(f store.AttemptFilter) (ids []int64) {
				for _, a := range w.attempts(f) {
					ids = append(ids, a.ID)
				}
				return ids
			}
			w.same("orphans", []int64{lost}, ids(store.AttemptFilter{Orphan: true}))
			w.same("after an id", []int64{lost}, ids(store.AttemptFilter{AfterID: paid}))
			w.same("from then on", []int64{paid, lost}, ids(store.AttemptFilter{FinalFrom: first}))
			w.same("later", []int64(nil), ids(store.AttemptFilter{FinalFrom: last.Add(time.Microsecond)}))
			w.same("before", []int64(nil), ids(store.AttemptFilter{FinalUntil: first}))
		},
	})
}

func (w *world) unaccounted(id int64, count uint64, limit int) []store.Unaccounted {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Unaccounted, error) { return r.Unaccounted(w.ctx, id, count, limit) })
}

// final is an attempt that became final, at the wallet's next nonce.
func (w *world) final(id int64) int64 {
	w.Helper()
	attempt := w.ask(w.reserve(id, w.unique("final"), w.future()))
	w.move(attempt, store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal)
	return attempt
}
