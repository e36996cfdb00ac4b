package storetest

import (
	"fmt"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

func testMoveAttempts(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"each state keeps what is known of it then": func(w *world) {
			id := w.ask(w.reserve(w.hot().ID, "r", w.future()))
			want := w.attempt(id)
			move := func(m store.AttemptMove) store.Attempt {
				m.ID, m.From = id, want.State
				w.update(func(tx store.Tx) error { return tx.MoveAttempts(w.ctx, []store.AttemptMove{m}) })
				got := w.attempt(id)
				if !got.UpdatedAt.After(want.UpdatedAt) {
					w.Errorf("%s → %s did not move updated_at", m.From, m.To)
				}
				want.State, want.Note, want.UpdatedAt = m.To, m.Note, got.UpdatedAt
				return got
			}
			got := move(store.AttemptMove{To: store.AttemptAsked, Note: "locked"})
			w.same("a note", want, got)

			got = move(store.AttemptMove{To: store.AttemptSigned, Raw: []byte{2, 0, 1}, Hash: "0xh"})
			want.Raw, want.Hash, want.SignedAt = []byte{2, 0, 1}, "0xh", got.UpdatedAt
			w.same("signed", want, got)

			got = move(store.AttemptMove{To: store.AttemptSent, Note: "already known"})
			want.SentAt = got.UpdatedAt
			w.same("sent", want, got)

			got = move(store.AttemptMove{To: store.AttemptSent})
			want.SentAt = got.UpdatedAt
			w.same("sent again", want, got)

			mined := store.AttemptMove{To: store.AttemptMined, BlockNumber: 1 << 40, BlockHash: "0xb", Success: true, Fee: "21000000000000000000000"}
			got = move(mined)
			want.BlockNumber, want.BlockHash, want.Success, want.Fee, want.MinedAt = mined.BlockNumber, "0xb", true, mined.Fee, got.UpdatedAt
			w.same("mined", want, got)

			got = move(store.AttemptMove{To: store.AttemptSent})
			want.BlockNumber, want.BlockHash, want.Success, want.Fee, want.MinedAt = 0, "", false, "", time.Time{}
			want.SentAt = got.SentAt
			w.same("back to sent", want, got)

			mined.Success = false
			got = move(mined)
			want.BlockNumber, want.BlockHash, want.Fee, want.MinedAt = mined.BlockNumber, "0xb", mined.Fee, got.UpdatedAt
			w.same("mined again", want, got)

			mined.To, mined.Note = store.AttemptFinal, "status 0"
			got = move(mined)
			want.FinalAt = got.UpdatedAt
			w.same("final", want, got)
		},

		"it moves by compare-and-set, all or none": func(w *world) {
			wallet := w.hot().ID
			a, b := w.ask(w.reserve(wallet, "a", w.future())), w.ask(w.reserve(wallet, "b", w.future()))
			before := w.attempts(store.AttemptFilter{})
			move := func(ms ...store.AttemptMove) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.MoveAttempts(w.ctx, ms) }
			}
			w.updateFails(move(
				store.AttemptMove{ID: a, From: store.AttemptAsked, To: store.AttemptSigned, Raw: []byte{1}, Hash: "0x1"},
				store.AttemptMove{ID: b, From: store.AttemptSigned, To: store.AttemptSent},
			), store.ErrStale)
			w.updateFails(move(store.AttemptMove{ID: b + 1, From: store.AttemptAsked, To: store.AttemptSigned}), store.ErrStale)
			w.same("attempts", before, w.attempts(store.AttemptFilter{}))
		},

		"a refusal frees the request, not the nonce": func(w *world) {
			wallet := w.hot().ID
			n := w.assign(wallet, "p", w.future())
			id := w.ask(n)
			w.update(func(tx store.Tx) error {
				return tx.MoveAttempts(w.ctx, []store.AttemptMove{
					{ID: id, From: store.AttemptAsked, To: store.AttemptRefused, Refusal: "passing", Note: "limit"},
				})
			})
			if got := w.attempt(id); got.State != store.AttemptRefused || got.Refusal != "passing" || got.Note != "limit" {
				w.Errorf("attempt: %+v", got)
			}
			if got := w.nonce(wallet, n.Nonce); got.State != store.NonceUsed || got.Request != "" {
				w.Errorf("nonce: %+v", got)
			}
			again := w.give(wallet, "p", w.future(), nil, []string{"p"})
			if again.Nonce == n.Nonce || w.ask(again) == id {
				w.Errorf("given again: %+v", again)
			}
		},
	})
}

func testAttempts(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a filter selects, by id or by wallet and nonce": func(w *world) {
			x := hot("0xx")
			x.ChainID = 1
			a, b := w.hot().ID, w.add(x).ID
			rows := []store.Nonce{
				w.reserve(a, "r0", w.future()), w.reserve(a, "r1", w.future()), w.reserve(b, "r2", w.future()),
			}
			// asked in the order r2 r1 r0, so that ids and nonces run against each other
			ids := map[string]int64{}
			for i := len(rows) - 1; i >= 0; i-- {
				ids[rows[i].Request] = w.ask(rows[i])
			}
			w.move(ids["r1"], store.AttemptAsked, store.AttemptSigned)
			chain, zero := int64(1), uint64(0)
			for _, f := range []struct {
				filter store.AttemptFilter
				want   string
			}{
				{store.AttemptFilter{}, "r2 r1 r0 "},
				{store.AttemptFilter{By: "nonce"}, "r0 r1 r2 "},
				{store.AttemptFilter{By: "nonce", Limit: 1}, "r0 "},
				{store.AttemptFilter{Limit: 2}, "r2 r1 "},
				{store.AttemptFilter{IDs: []int64{ids["r0"], ids["r2"], 4711}}, "r2 r0 "},
				{store.AttemptFilter{States: []string{store.AttemptSigned, store.AttemptSent}}, "r1 "},
				{store.AttemptFilter{States: []string{store.AttemptAsked, store.AttemptSigned}, By: "nonce"}, "r0 r1 r2 "},
				{store.AttemptFilter{ChainID: &chain}, "r2 "},
				{store.AttemptFilter{ChainType: "btc"}, ""},
				{store.AttemptFilter{ChainType: "evm", WalletID: a}, "r1 r0 "},
				{store.AttemptFilter{WalletID: a, Nonce: &zero}, "r0 "},
				{store.AttemptFilter{WalletIDs: []int64{b, 4711}}, "r2 "},
				{store.AttemptFilter{WalletIDs: []int64{}}, ""},
				{store.AttemptFilter{Payments: []string{"r0", "r1", "x"}}, "r1 r0 "},
			} {
				got := ""
				for _, x := range w.attempts(f.filter) {
					got += x.Payment + " "
				}
				w.same(fmt.Sprintf("%+v", f.filter), f.want, got)
			}
			bare := w.attempts(store.AttemptFilter{States: []string{store.AttemptSigned}, Bare: true})
			whole := w.attempts(store.AttemptFilter{IDs: []int64{ids["r1"]}})[0]
			w.same("bare", []store.Attempt{{
				ID: ids["r1"], WalletID: a, Nonce: 1, State: store.AttemptSigned, Note: whole.Note,
				SignedAt: whole.SignedAt, SentAt: whole.SentAt, UpdatedAt: whole.UpdatedAt,
			}}, bare)
		},
	})
}
