package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func testElsewhere(t *testing.T, h Harness) {
	spend := func(w *world, n store.Nonce) (store.External, func(store.Tx) error) {
		e := store.External{WalletID: n.WalletID, From: n.Nonce, To: n.Nonce, Evidence: "chain", Reason: "foreign", At: w.now()}
		return e, func(tx store.Tx) error { return tx.SpendElsewhere(w.ctx, e) }
	}
	winBack := func(w *world, n store.Nonce) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.WinBack(w.ctx, n.WalletID, n.Nonce) }
	}
	letGo := func(w *world, n store.Nonce) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.LetGo(w.ctx, n.WalletID, n.Nonce) }
	}
	tests(t, h, map[string]func(*world){
		"a used nonce spent elsewhere is external, and stays its request's": func(w *world) {
			id := w.hot().ID
			n := w.assign(id, "p", w.future())
			w.move(w.ask(n), store.AttemptAsked, store.AttemptSigned, store.AttemptSent)
			row := w.nonce(id, 0)
			e, noted := spend(w, n)
			w.update(noted)
			w.update(noted) // said twice
			w.same("ranges", []store.External{e}, w.externals(id))
			w.same("row", row, w.nonce(id, 0))
			w.same("it takes no room", 0, w.load(id).Unmined)
			w.update(winBack(w, n))
			w.same("won back", 0, len(w.externals(id)))
			w.same("it takes room", 1, w.load(id).Unmined)
			w.update(winBack(w, n))
			w.same("row", row, w.nonce(id, 0))
		},

		"only a used one, and none of which ours is final": func(w *world) {
			id := w.hot().ID
			reserved, final := w.reserve(id, "reserved", w.future()), w.reserve(id, "final", w.future())
			w.move(w.ask(final), store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal)
			for _, n := range []store.Nonce{reserved, final, {WalletID: id, Nonce: 99}} {
				_, noted := spend(w, n)
				w.updateFails(noted, store.ErrStale)
			}
			w.same("ranges", 0, len(w.externals(id)))
		},

		"it is one nonce": func(w *world) {
			id := w.hot().ID
			w.ask(w.reserve(id, "r", w.future()))
			err := w.db.Update(w.ctx, func(tx store.Tx) error {
				return tx.SpendElsewhere(w.ctx, store.External{WalletID: id, From: 0, To: 1, Evidence: "chain", At: w.now()})
			})
			if err == nil || len(w.externals(id)) != 0 {
				w.Errorf("two nonces: %v", err)
			}
		},

		"a nonce is cut out of a range, wherever it lies in it": func(w *world) {
			id, other := w.hot().ID, w.hot().ID
			for _, wallet := range []int64{id, other} {
				w.update(func(tx store.Tx) error {
					return tx.AddExternals(w.ctx, []store.External{{WalletID: wallet, From: 3, To: 9, Evidence: "chain", Reason: "why", At: w.now()}})
				})
			}
			for _, c := range []struct {
				nonce uint64
				want  [][2]uint64
			}{
				{2, [][2]uint64{{3, 9}}}, {5, [][2]uint64{{3, 4}, {6, 9}}}, {6, [][2]uint64{{3, 4}, {7, 9}}}, {9, [][2]uint64{{3, 4}, {7, 8}}},
				{7, [][2]uint64{{3, 4}, {8, 8}}}, {8, [][2]uint64{{3, 4}}}, {10, [][2]uint64{{3, 4}}},
			} {
				w.update(winBack(w, store.Nonce{WalletID: id, Nonce: c.nonce}))
				var got [][2]uint64
				for _, e := range w.externals(id) {
					got = append(got, [2]uint64{e.From, e.To})
					if e.Evidence != "chain" || e.Reason != "why" || e.At.IsZero() {
						w.Errorf("range: %+v", e)
					}
				}
				w.same("ranges", c.want, got)
			}
			if got := w.externals(other); len(got) != 1 || got[0].To != 9 {
				w.Errorf("the other wallet has %+v", got)
			}
		},

		"an external nonce is no gap and is not filled, used or not": func(w *world) {
			id := w.hot().ID
			refused, asked := w.reserve(id, "refused", w.future()), w.reserve(id, "asked", w.future())
			w.move(w.ask(refused), store.AttemptAsked, store.AttemptRefused)
			w.ask(asked)
			w.move(w.ask(w.reserve(id, "top", w.future())), store.AttemptAsked, store.AttemptSigned)
			w.same("gaps", []uint64{0, 1}, w.load(id).Gaps)
			for _, n := range []store.Nonce{refused, asked} {
				_, noted := spend(w, n)
				w.update(noted)
			}
			w.same("gaps", []uint64(nil), w.load(id).Gaps, cmpopts.EquateEmpty())
			w.same("fillable", 0, len(w.fillable("evm", 31337)))
			w.same("filled", []int64{0}, w.asks(w.fill(w.nonce(id, 0))))
			w.update(winBack(w, refused))
			w.same("fillable again", []uint64{0}, numbers(w.fillable("evm", 31337)))
		},

		"a request is let go of, and is given another nonce": func(w *world) {
			id := w.hot().ID
			n := w.assign(id, "p", w.future())
			at := w.ask(n)
			w.move(at, store.AttemptAsked, store.AttemptSigned, store.AttemptSent)
			w.updateFails(letGo(w, n), store.ErrStale)
			w.move(at, store.AttemptSent, store.AttemptSuperseded)
			w.update(letGo(w, n))
			got := w.nonce(id, 0)
			w.same("row", store.Nonce{WalletID: id, Nonce: 0, State: store.NonceUsed, Fence: n.Fence}, got, set)
			unasked := store.WithdrawalFilter{Unasked: true}
			if found := w.withdrawals(unasked); len(found) != 1 || found[0].Nonce != nil {
				w.Errorf("not asked for: %+v", found)
			}
			again := w.give(id, "p", w.future(), nil, []string{"p"})
			w.ask(again)
			w.same("asked for again", 0, len(w.withdrawals(unasked)))
			w.same("reserved for withdrawals", 0, w.load(id).ReservedForWithdrawals)
		},

		"it is let go of only when every attempt is refused or superseded": func(w *world) {
			id := w.hot().ID
			for _, c := range []struct {
				last []string
				want error
			}{
				{[]string{store.AttemptAsked}, store.ErrStale},
				{[]string{store.AttemptAsked, store.AttemptSigned}, store.ErrStale},
				{[]string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined}, store.ErrStale},
				{[]string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal}, store.ErrStale},
				{[]string{store.AttemptAsked, store.AttemptRefused}, nil},
			} {
				request := w.unique("r")
				n := w.reserve(id, request, w.future())
				first := w.ask(n)
				second := w.asks(w.again(n, request, "payment"))[0]
				w.move(second, c.last...)
				w.move(first, store.AttemptAsked, store.AttemptSuperseded)
				if c.want != nil {
					w.updateFails(letGo(w, n), c.want)
					w.same("request", request, w.nonce(id, n.Nonce).Request)
				} else {
					w.update(letGo(w, n))
					w.same("request", "", w.nonce(id, n.Nonce).Request)
				}
			}
			reserved := w.reserve(id, "reserved", w.future())
			w.updateFails(letGo(w, reserved), store.ErrStale)
			w.updateFails(letGo(w, store.Nonce{WalletID: id, Nonce: 99}), store.ErrStale)
		},
	})
}
