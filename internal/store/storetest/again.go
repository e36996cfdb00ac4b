package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

// again is a further attempt at the nonce; it names neither request nor fence.
func (w *world) again(n store.Nonce, payment, purpose string) store.Ask {
	return store.Ask{
		WalletID: n.WalletID, Nonce: n.Nonce, Payment: payment, Purpose: purpose, Digest: w.unique("digest"), Intent: []byte("again"), Again: true,
	}
}

func testAgain(t *testing.T, h Harness) {
	asked, signed, sent, mined, final, refused, superseded := store.AttemptAsked, store.AttemptSigned, store.AttemptSent,
		store.AttemptMined, store.AttemptFinal, store.AttemptRefused, store.AttemptSuperseded
	tests(t, h, map[string]func(*world){
		"a further attempt stands beside the others, and the row is as it was": func(w *world) {
			wallet := w.hot()
			n := w.assign(wallet.ID, "p", w.future())
			w.ask(n)
			row := w.nonce(wallet.ID, n.Nonce)
			a := w.again(n, "p", "cancel")
			a.Fence, a.Request, a.Row = 99, "another", 7 // not looked at
			id := w.asks(a)[0]
			w.same("attempt", store.Attempt{
				ID: id, WalletID: wallet.ID, Address: wallet.Address, ChainType: "evm", ChainID: 31337, Nonce: n.Nonce, Payment: "p",
				Purpose: "cancel", Digest: a.Digest, Intent: []byte("again"), State: asked,
			}, w.attempt(id), cmpopts.IgnoreFields(store.Attempt{}, "AskedAt", "UpdatedAt"))
			w.same("row", row, w.nonce(wallet.ID, n.Nonce))
		},

		"whatever the state of the one before": func(w *world) {
			n := w.reserve(w.hot().ID, "r", w.future())
			at := w.ask(n)
			path := []string{asked, signed, sent, mined}
			for i := range path {
				if i > 0 {
					w.move(at, path[i-1], path[i])
				}
				if w.asks(w.again(n, "r", "payment"))[0] == 0 {
					w.Errorf("none after %s", path[i])
				}
			}
		},

		"none where one is final, or the nonce is another payment's": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "r", w.future())
			at := w.ask(n)
			other, fill := w.again(n, "other", "payment"), w.again(n, "", "gap_fill")
			w.same("another payment, a fill", []int64{0, 0}, w.asks(other, fill))
			second := w.asks(w.again(n, "r", "payment"))[0]
			w.move(at, asked, signed, sent, mined, final)
			w.same("beside a final one", []int64{0}, w.asks(w.again(n, "r", "cancel")))
			w.move(second, asked, superseded)
			w.same("beside a final and a superseded one", []int64{0}, w.asks(w.again(n, "r", "cancel")))
			if got := len(w.attempts(store.AttemptFilter{})); got != 2 {
				w.Errorf("%d attempts", got)
			}
		},

		"none where all are refused or superseded, or nothing was asked": func(w *world) {
			id := w.hot().ID
			r, s, never := w.reserve(id, "r", w.future()), w.reserve(id, "s", w.future()), w.reserve(id, "never", w.future())
			w.move(w.ask(r), asked, refused)
			w.move(w.ask(s), asked, signed, superseded)
			missing := store.Nonce{WalletID: id, Nonce: 99}
			w.same("ids", make([]int64, 4), w.asks(w.again(r, "r", "payment"), w.again(s, "s", "payment"),
				w.again(never, "never", "payment"), w.again(missing, "never", "payment")))
		},

		"one that was refused is in nobody's way": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "r", w.future())
			w.move(w.ask(n), asked, refused)
			fill := w.asks(w.fill(w.nonce(id, 0)))[0] // the refused payment's attempt stays at this nonce
			w.move(fill, asked, signed, sent)
			w.same("for the payment", []int64{0}, w.asks(w.again(n, "r", "payment")))
			if w.asks(w.again(n, "", "gap_fill"))[0] == 0 {
				w.Error("a gap fill is not replaced")
			}
		},

		"a digest is asked once": func(w *world) {
			n := w.reserve(w.hot().ID, "r", w.future())
			first := w.askFor(n)
			w.asks(first)
			a := w.again(n, "r", "payment")
			a.Digest = first.Digest
			w.updateFails(func(tx store.Tx) error { _, err := tx.Ask(w.ctx, []store.Ask{a}); return err }, store.ErrExists)
		},

		"in one batch with others, in their order": func(w *world) {
			id := w.hot().ID
			a, b := w.reserve(id, "a", w.future()), w.reserve(id, "b", w.future())
			w.ask(a)
			ids := w.asks(w.again(a, "a", "payment"), w.askFor(b), w.again(b, "b", "cancel"), w.again(b, "x", "cancel"))
			if ids[0] == 0 || ids[1] <= ids[0] || ids[2] <= ids[1] || ids[3] != 0 {
				w.Errorf("Ask = %v", ids)
			}
		},

		"a refusal takes the request off the nonce only with the last attempt that may pay it": func(w *world) {
			id := w.hot().ID
			n := w.assign(id, "p", w.future())
			first := w.ask(n)
			w.move(first, asked, signed, sent)
			second := w.asks(w.again(n, "p", "payment"))[0]
			w.move(second, asked, refused)
			w.same("beside one that is sent", "p", w.nonce(id, 0).Request)
			w.same("the withdrawal's nonce", &n.Nonce, w.withdrawal("p").Nonce)
			third := w.asks(w.again(n, "p", "cancel"))[0]
			w.move(first, sent, superseded)
			w.move(third, asked, refused)
			w.same("beside one that is superseded", "p", w.nonce(id, 0).Request)
		},

		"two that are refused together take it off": func(w *world) {
			id := w.hot().ID
			n := w.assign(id, "p", w.future())
			first := w.ask(n)
			second := w.asks(w.again(n, "p", "payment"))[0]
			w.update(func(tx store.Tx) error {
				return tx.MoveAttempts(w.ctx, []store.AttemptMove{
					{ID: first, From: asked, To: refused, Refusal: "passing"}, {ID: second, From: asked, To: refused, Refusal: "passing"},
				})
			})
			w.same("request", "", w.nonce(id, 0).Request)
		},

		"superseded clears nothing and is never final": func(w *world) {
			id := w.hot().ID
			for i, path := range [][]string{{asked}, {asked, signed}, {asked, signed, sent}, {asked, signed, sent, mined}} {
				at := w.ask(w.reserve(id, w.unique("r"), w.future()))
				w.move(at, path...)
				before := w.attempt(at)
				w.move(at, path[i], superseded)
				got := w.attempt(at)
				before.State = superseded
				w.same(path[i], before, got, cmpopts.IgnoreFields(store.Attempt{}, "UpdatedAt"))
				if !got.FinalAt.IsZero() {
					w.Errorf("superseded, and final at %v", got.FinalAt)
				}
			}
		},

		"beaten is what stands beside a final one": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "r", w.future())
			first := w.ask(n)
			second, third := w.asks(w.again(n, "r", "payment"))[0], w.asks(w.again(n, "r", "cancel"))[0]
			w.move(second, asked, signed, sent)
			w.ask(w.reserve(id, "another nonce", w.future()))
			w.ask(w.reserve(w.hot().ID, "another wallet", w.future()))
			beaten := func(states ...string) (ids []int64) {
				for _, a := range w.attempts(store.AttemptFilter{Beaten: true, States: states}) {
					ids = append(ids, a.ID)
				}
				return ids
			}
			w.move(first, asked, signed, sent, mined)
			w.same("beside a mined one", []int64(nil), beaten())
			w.move(first, mined, final)
			w.same("beside a final one", []int64{second, third}, beaten())
			w.same("by state", []int64{third}, beaten(asked))
			w.move(third, asked, superseded)
			w.same("whatever they are", []int64{second, third}, beaten())
		},

		"a nonce with several attempts counts once, and not as unmined when one is mined or final": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "r", w.future())
			first := w.ask(n)
			second := w.asks(w.again(n, "r", "payment"))[0]
			zero := uint64(0)
			load := func(what string, unmined, inFlight int, lowest *uint64) {
				w.Helper()
				w.same(what, store.Load{WalletID: id, Unmined: unmined, InFlight: inFlight, LowestUnmined: lowest}, w.load(id), sums, cmpopts.EquateEmpty())
				locked := w.facts(store.ReserveWant{WalletIDs: []int64{id}}).Loads[0]
				w.same(what+", under the lock", store.Load{WalletID: id, Unmined: unmined, InFlight: inFlight}, locked)
			}
			load("two asked", 1, 1, &zero)
			w.move(first, asked, signed, sent, mined)
			load("one mined", 0, 1, nil)
			w.move(first, mined, sent)
			load("after a reorg", 1, 1, &zero)
			w.move(first, sent, mined, final)
			load("one final", 0, 1, nil)
			w.move(second, asked, superseded)
			load("all ended", 0, 0, nil)
		},

		"superseded counts as signed: the nonce was spent": func(w *world) {
			id := w.hot().ID
			w.release(w.reserve(id, "free", w.future()))
			w.move(w.ask(w.reserve(id, "lost", w.future())), asked, signed, superseded)
			top := w.ask(w.reserve(id, "top", w.future()))
			w.same("below a superseded one", []uint64{0}, w.load(id).Gaps)
			w.same("fillable", []uint64{0}, numbers(w.fillable("evm", 31337)))
			w.move(top, asked, signed)
			w.same("not itself a gap", []uint64{0}, w.load(id).Gaps)
			f := w.fronts(9, store.FrontWant{WalletID: id})[0]
			w.same("slots", []string{"0 free", "1 used signed", "2 used signed"}, slots(f))
			if w.asks(w.fill(w.nonce(id, 0)))[0] == 0 {
				w.Error("not filled")
			}
		},

		"superseded alone makes the top": func(w *world) {
			id := w.hot().ID
			w.release(w.reserve(id, "free", w.future()))
			w.move(w.ask(w.reserve(id, "lost", w.future())), asked, superseded)
			one := uint64(1)
			w.same("top", &one, w.fronts(9, store.FrontWant{WalletID: id})[0].Top)
			if w.asks(w.fill(w.nonce(id, 0)))[0] == 0 {
				w.Error("not filled")
			}
		},

		"a withdrawal tells the attempt that says most of it": func(w *world) {
			id := w.hot().ID
			n := w.assign(id, "p", w.future())
			is := func(what, state string, at int64) {
				w.Helper()
				got := w.withdrawal("p")
				w.same(what, [2]string{state, w.attempt(at).Hash}, [2]string{got.Attempt, got.Hash})
			}
			first := w.ask(n)
			w.move(first, asked, signed, sent)
			second := w.asks(w.again(n, "p", "payment"))[0]
			is("the newest", asked, second)
			w.move(second, asked, refused)
			is("not one that was refused", sent, first)
			third := w.asks(w.again(n, "p", "cancel"))[0]
			w.move(third, asked, signed, sent)
			is("whatever its purpose", sent, third)
			w.move(first, sent, mined)
			is("the one that is mined", mined, first)
			w.move(first, mined, final)
			w.move(third, sent, superseded)
			is("the one that is final", final, first)
		},
	})
}
