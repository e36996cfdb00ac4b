package storetest

import (
	"testing"
	"time"

	"coffer.internal/internal/store"
)

func testAuthorizations(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a payment keeps what it came with": func(w *world) {
			until := w.future().Truncate(time.Second)
			with := newWithdrawal("with")
			with.Authorized = store.Authorized{Tokens: []string{"t-1", "t-2"}, Until: until, MaxFee: "100000000000000000000"}
			w.update(func(tx store.Tx) error {
				return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{with, newWithdrawal("without")})
			})
			n := w.reserve(w.hot().ID, "go", w.future())
			w.update(func(tx store.Tx) error {
				return tx.AdoptReservation(w.ctx, store.Withdrawal{
					Payment: "go", Request: n.Request, Row: n.Row, ChainType: "evm", ChainID: 31337, To: "0xother", Amount: "6",
				}, store.Authorized{Tokens: []string{"t-3"}, Until: until, MaxFee: "7"})
			})
			w.same("tokens", map[string][]string{"with": {"t-1", "t-2"}, "go": {"t-3"}}, w.tokens("with", "without", "go", "nobody"))
			if got := w.withdrawal("with"); !got.AuthorizedUntil.Equal(until) || got.AuthorizedFee != "100000000000000000000" || got.Unauthorized != "" {
				w.Errorf("with: %+v", got)
			}
			if got := w.withdrawal("without"); !got.AuthorizedUntil.IsZero() || got.AuthorizedFee != "" {
				w.Errorf("without: %+v", got)
			}
			if got := w.withdrawal("go"); !got.AuthorizedUntil.Equal(until) || got.AuthorizedFee != "7" {
				w.Errorf("go: %+v", got)
			}
		},

		"one that needs others is left out, until it has them": func(w *world) {
			for _, p := range []string{"refused", "expired", "lasting"} {
				with := newWithdrawal(p)
				with.Authorized = store.Authorized{Tokens: []string{p}, Until: w.future(), MaxFee: "1"}
				if p == "expired" {
					with.Until = w.past()
				}
				w.update(func(tx store.Tx) error { return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{with}) })
			}
			w.withdraw("without")
			w.update(func(tx store.Tx) error {
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
					{Payment: "refused", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "why", Unauthorized: "why not", Against: []string{"refused"}},
					{Payment: "lasting", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Unauthorized: "why not", Against: []string{"what it had before"}},
					{Payment: "without", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Unauthorized: "why not", Against: []string{"what it had before"}},
				})
			})
			w.same("authorized", []string{"lasting", "without"}, w.selected(store.WithdrawalFilter{Authorized: true}))
			w.same("lapsed", []string{"expired"}, w.selected(store.WithdrawalFilter{Lapsed: true}))

			w.update(func(tx store.Tx) error {
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
					{Payment: "expired", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "it expired", Unauthorized: "it expired", Against: []string{"expired"}},
					{Payment: "refused", From: store.WithdrawalQueued, To: store.WithdrawalQueued, Reason: "another reason"},
				})
			})
			if got := w.withdrawal("refused"); got.Unauthorized != "why not" || got.Reason != "another reason" {
				w.Errorf("a move that says nothing of it: %+v", got)
			}
			w.same("lapsed and noted", 0, len(w.selected(store.WithdrawalFilter{Lapsed: true})))

			was, until := w.withdrawal("refused"), w.future().Truncate(time.Second)
			w.update(func(tx store.Tx) error {
				return tx.Authorize(w.ctx, []store.Authorization{
					{Payment: "expired", Authorized: store.Authorized{Tokens: []string{"new"}, Until: until, MaxFee: "8"}},
					{Payment: "refused", Authorized: store.Authorized{Tokens: []string{"new", "too"}, Until: until, MaxFee: "9"}},
				})
			})
			w.same("authorized", []string{"refused", "expired", "lasting", "without"}, w.selected(store.WithdrawalFilter{Authorized: true}))
			w.same("tokens", map[string][]string{"expired": {"new"}, "refused": {"new", "too"}}, w.tokens("expired", "refused"))
			if got := w.withdrawal("refused"); !got.AuthorizedUntil.Equal(until) || got.AuthorizedFee != "9" || got.State != was.State || !got.UpdatedAt.After(was.UpdatedAt) {
				w.Errorf("refused: %+v", got)
			}
		},

		"what has ended, or waits for a person, is given none": func(w *world) {
			for _, p := range []string{"ended", "queued"} {
				w.withdraw(p)
			}
			w.update(func(tx store.Tx) error {
				return tx.MoveWithdrawals(w.ctx, []store.WithdrawalMove{
					{Payment: "ended", From: store.WithdrawalQueued, To: store.WithdrawalEnded, Outcome: store.OutcomeRefused, Reason: "rule"},
				})
			})
			a := store.Authorized{Tokens: []string{"new"}, Until: w.future(), MaxFee: "8"}
			for _, p := range []string{"ended", "nobody"} {
				w.updateFails(func(tx store.Tx) error {
					return tx.Authorize(w.ctx, []store.Authorization{{Payment: "queued", Authorized: a}, {Payment: p, Authorized: a}})
				}, store.ErrStale)
			}
			w.same("tokens", map[string][]string{}, w.tokens("ended", "queued"))
		},
	})
}

func (w *world) tokens(payments ...string) map[string][]string {
	w.Helper()
	return read(w, func(r store.Reader) (map[string][]string, error) { return r.Authorizations(w.ctx, payments) })
}

// selected are the payments that a filter selects, in order.
func (w *world) selected(f store.WithdrawalFilter) []string {
	w.Helper()
	var ids []string
	for _, row := range w.withdrawals(f) {
		ids = append(ids, row.Payment)
	}
	return ids
}
