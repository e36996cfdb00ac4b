package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func testWithdrawals(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a new one is queued, with its request, in the order given": func(w *world) {
			in := []store.NewWithdrawal{newWithdrawal("b"), newWithdrawal("a")}
			in[1].Asset, in[1].Contract = "USDT", "0xusdt"
			w.update(func(tx store.Tx) error { return tx.AddWithdrawals(w.ctx, in) })
			got := w.withdrawals(store.WithdrawalFilter{})
			want := []store.Withdrawal{
				{Payment: "b", Request: "b", ChainType: "evm", ChainID: 31337, To: in[0].To, Amount: in[0].Amount, State: store.WithdrawalQueued},
				{Payment: "a", Request: "a", ChainType: "evm", ChainID: 31337, To: in[1].To, Amount: in[1].Amount, State: store.WithdrawalQueued,
					Asset: "USDT", Contract: "0xusdt"},
			}
			w.same("withdrawals", want, got, cmpopts.IgnoreFields(store.Withdrawal{}, "Seq", "CreatedAt", "UpdatedAt"))
			if got[0].Seq >= got[1].Seq || got[0].CreatedAt.IsZero() || !got[0].EndedAt.IsZero() {
				w.Errorf("withdrawals: %+v", got)
			}
			requests := read(w, func(r store.Reader) ([]store.Request, error) { return r.Requests(w.ctx, []string{"a"}) })
			w.same("requests", []store.Request{{ID: "a", Kind: store.KindWithdrawal, Content: in[1].Content, Count: 1}}, requests,
				cmpopts.IgnoreFields(store.Request{}, "CreatedAt"))
		},

		"the backlog counts what has not ended, by chain and state": func(w *world) {
			backlog := func() []store.Backlog {
				return read(w, func(r store.Reader) ([]store.Backlog, error) { return r.Backlog(w.ctx) })
			}
			if got := backlog(); len(got) != 0 {
				w.Errorf("of nothing: %+v", got)
			}
			for _, id := range []string{"a", "b", "c", "d"} {
				w.withdraw(id)
			}
			w.update(func(tx store.Tx) error {
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
					{Payment: "c", From: store.WithdrawalQueued, To: store.WithdrawalAssigned},
					{Payment: "d", From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeRefused},
				})
			})
			first := w.withdrawals(store.WithdrawalFilter{})
			w.same("backlog", []store.Backlog{
				{ChainType: "evm", ChainID: 31337, State: store.WithdrawalAssigned, Count: 1, Oldest: first[2].CreatedAt},
				{ChainType: "evm", ChainID: 31337, State: store.WithdrawalQueued, Count: 2, Oldest: first[0].CreatedAt},
			}, backlog())
		},

		"a request id is used once, whatever for": func(w *world) {
			w.withdraw("w")
			w.reserve(w.hot().ID, "r", w.future())
			for _, id := range []string{"w", "r"} {
				w.updateFails(func(tx store.Tx) error {
					return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{newWithdrawal("new"), newWithdrawal(id)})
				}, store.ErrExists)
			}
			if got := w.withdrawals(store.WithdrawalFilter{}); len(got) != 1 {
				w.Errorf("withdrawals: %+v", got)
			}
		},

		"it moves by compare-and-set": func(w *world) {
			w.withdraw("a")
			w.withdraw("b")
			move := func(ms ...store.WithdrawalMove) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.MoveWithdrawals(w.ctx, ms) }
			}
			queued := w.withdrawal("a")
			w.updateFails(move(
				store.WithdrawalMove{Payment: "b", From: store.WithdrawalQueued, To: store.WithdrawalHeld},
				store.WithdrawalMove{Payment: "a", From: store.WithdrawalAssigned, To: store.WithdrawalHeld},
			), store.ErrStale)
			w.updateFails(move(store.WithdrawalMove{Payment: "x", From: store.WithdrawalQueued, To: store.WithdrawalHeld}), store.ErrStale)
			w.same("after refused moves", queued, w.withdrawal("a"))
			w.same("after refused moves", store.WithdrawalQueued, w.withdrawal("b").State)

			w.update(move(store.WithdrawalMove{Payment: "a", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "no room"}))
			if got := w.withdrawal("a"); got.Reason != "no room" || !got.UpdatedAt.After(queued.UpdatedAt) {
				w.Errorf("withdrawal: %+v", got)
			}
			w.update(move(store.WithdrawalMove{
				Payment: "a", From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeRefused, Reason: "rule",
			}))
			got := w.withdrawal("a")
			if got.State != store.WithdrawalEnded || got.Outcome != store.OutcomeRefused || got.Reason != "rule" || got.EndedAt.IsZero() {
				w.Errorf("withdrawal: %+v", got)
			}
		},

		"a filter selects, by seq": func(w *world) {
			id := w.hot().ID
			for _, p := range []string{"a", "b", "c", "d", "e"} {
				w.withdraw(p)
			}
			other := newWithdrawal("f")
			other.ChainType, other.ChainID = "solana", 101
			w.update(func(tx store.Tx) error { return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{other}) })
			w.ask(w.give(id, "b", w.future(), nil, []string{"b"}))
			w.give(id, "c", w.future(), nil, []string{"c"})
			refused := w.ask(w.give(id, "d", w.future(), nil, []string{"d"}))
			w.move(refused, store.AttemptAsked, store.AttemptRefused)
			w.update(func(tx store.Tx) error {
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
					{Payment: "e", From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeCancelled},
				})
			})
			chain, seq := int64(101), w.withdrawal("b").Seq
			for _, f := range []struct {
				filter store.WithdrawalFilter
				want   string
			}{
				{store.WithdrawalFilter{}, "abcdef"},
				{store.WithdrawalFilter{Newest: true}, "fedcba"},
				{store.WithdrawalFilter{Newest: true, Limit: 2}, "fe"},
				{store.WithdrawalFilter{Limit: 2}, "ab"},
				{store.WithdrawalFilter{AfterSeq: seq}, "cdef"},
				{store.WithdrawalFilter{Payments: []string{"c", "a", "x"}}, "ac"},
				{store.WithdrawalFilter{States: []string{store.WithdrawalQueued}}, "af"},
				{store.WithdrawalFilter{States: []string{store.WithdrawalAssigned, store.WithdrawalEnded}}, "bcde"},
				{store.WithdrawalFilter{Outcomes: []string{store.OutcomeCancelled}}, "e"},
				{store.WithdrawalFilter{ChainID: &chain}, "f"},
				{store.WithdrawalFilter{ChainType: "evm", States: []string{store.WithdrawalQueued}}, "a"},
				{store.WithdrawalFilter{Unasked: true}, "acdf"},
				{store.WithdrawalFilter{Unasked: true, States: []string{store.WithdrawalAssigned}, Limit: 1}, "c"},
			} {
				got := ""
				for _, x := range w.withdrawals(f.filter) {
					got += x.Payment
				}
				w.same(fmt.Sprintf("%+v", f.filter), f.want, got)
			}
		},

		"wallet, nonce and attempt are read with it": func(w *world) {
			wallet := w.hot()
			w.reserve(wallet.ID, "before", w.future())
			n := w.assign(wallet.ID, "p", w.past())
			one := uint64(1)
			want := w.withdrawal("p")
			want.WalletID, want.Address, want.Nonce, want.Fence, want.Expired = wallet.ID, wallet.Address, &one, n.Fence, true
			want.Attempt, want.Hash = "", ""
			w.same("expired", want, w.withdrawal("p"))

			n.Fence, n.ExpiresAt = 2, w.future()
			w.update(func(tx store.Tx) error { return tx.Reserve(w.ctx, store.ReservePlan{Take: []store.Nonce{n}}) })
			want.Fence, want.Expired = 2, false
			w.same("given again", want, w.withdrawal("p"))

			first := w.ask(n)
			want.Attempt = store.AttemptAsked
			w.same("asked", want, w.withdrawal("p"))
			w.move(first, store.AttemptAsked, store.AttemptRefused)
			want.WalletID, want.Address, want.Nonce, want.Fence, want.Attempt = 0, "", nil, 0, store.AttemptRefused
			w.same("refused", want, w.withdrawal("p"))

			again := w.give(wallet.ID, "p", w.future(), nil, []string{"p"})
			second := w.ask(again)
			w.move(second, store.AttemptAsked, store.AttemptSigned, store.AttemptSent)
			two := uint64(2)
			want.WalletID, want.Address, want.Nonce, want.Fence = wallet.ID, wallet.Address, &two, again.Fence
			want.Attempt, want.Hash = store.AttemptSent, fmt.Sprintf("0xhash%d", second)
			w.same("sent", want, w.withdrawal("p"), cmpopts.IgnoreFields(store.Withdrawal{}, "UpdatedAt"))
		},

		"a reservation is adopted once": func(w *world) {
			id := w.add(elsewhere("0xa")).ID
			n := w.reserve(id, "go", time.Time{})
			n.Row = 0
			w.adopt(n, "go")
			got := w.withdrawal("go")
			if got.State != store.WithdrawalAssigned || got.Request != "go" || got.WalletID != id || got.Asset != "USDT" || got.Amount != "5" {
				w.Errorf("withdrawal: %+v", got)
			}
			w.updateFails(func(tx store.Tx) error {
				return tx.AdoptReservation(w.ctx, store.Withdrawal{
					Payment: "go", Request: "go", ChainType: "evm", ChainID: 31337, To: "0xother", Amount: "6",
				}, store.Authorized{})
			}, store.ErrExists)
			w.same("unchanged", got, w.withdrawal("go"))
		},
	})
}

func (w *world) withdrawals(f store.WithdrawalFilter) []store.Withdrawal {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Withdrawal, error) { return r.Withdrawals(w.ctx, f) })
}
