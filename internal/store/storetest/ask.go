package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func testAsk(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"an attempt is asked, and the nonce is used": func(w *world) {
			wallet := w.hot()
			n := w.assign(wallet.ID, "p", w.future())
			a := w.askFor(n)
			id := w.asks(a)[0]
			got := w.attempt(id)
			w.same("attempt", store.Attempt{
				ID: id, WalletID: wallet.ID, Address: wallet.Address, ChainType: "evm", ChainID: 31337, Nonce: n.Nonce, Payment: "p",
				Purpose: "payment", Digest: a.Digest, Intent: []byte("intent"), State: store.AttemptAsked,
			}, got, cmpopts.IgnoreFields(store.Attempt{}, "AskedAt", "UpdatedAt"))
			if got.AskedAt.IsZero() || !got.UpdatedAt.Equal(got.AskedAt) {
				w.Errorf("attempt: %+v", got)
			}
			n.State, n.ExpiresAt = store.NonceUsed, time.Time{}
			w.same("nonce", n, w.nonce(wallet.ID, 0), set, cmpopts.IgnoreFields(store.Nonce{}, "ExpiresAt"))
		},

		"each is compared alone: who comes too late gets 0 and the others stand": func(w *world) {
			id := w.hot().ID
			var good []store.Nonce
			for range 2 {
				good = append(good, w.reserve(id, w.unique("good"), w.future()))
			}
			expired := w.reserve(id, "expired", w.past())
			fence, request, row, missing := w.askFor(w.reserve(id, "fence", w.future())), w.askFor(w.reserve(id, "request", w.future())),
				w.askFor(w.reserve(id, "row", w.future())), w.askFor(store.Nonce{WalletID: id, Nonce: 99, Request: "x", Fence: 1})
			fence.Fence++
			request.Request = "good-1"
			row.Row++
			free := w.reserve(id, "free", w.future())
			w.release(free)
			used := w.reserve(id, "used", w.future())
			w.ask(used)
			before := w.nonces(store.NonceFilter{From: 2})

			ids := w.asks(w.askFor(good[0]), w.askFor(expired), fence, request, row, missing, w.askFor(free), w.askFor(used), w.askFor(good[1]))
			if ids[0] == 0 || ids[8] <= ids[0] {
				w.Errorf("Ask = %v", ids)
			}
			w.same("the late ones", make([]int64, 7), ids[1:8])
			w.same("their nonces", before, w.nonces(store.NonceFilter{From: 2}))
			if got := w.attempts(store.AttemptFilter{}); len(got) != 3 {
				w.Errorf("%d attempts", len(got))
			}
		},

		"a nonce is asked for once in a batch": func(w *world) {
			n := w.reserve(w.hot().ID, "r", w.future())
			if ids := w.asks(w.askFor(n), w.askFor(n)); ids[0] == 0 || ids[1] != 0 {
				w.Errorf("Ask = %v", ids)
			}
		},

		"a reservation without expiry never expires": func(w *world) {
			w.ask(w.reserve(w.hot().ID, "r", time.Time{}))
		},

		"a digest is asked once": func(w *world) {
			id := w.hot().ID
			first := w.askFor(w.reserve(id, "a", w.future()))
			w.asks(first)
			second := w.askFor(w.reserve(id, "b", w.future()))
			second.Digest = first.Digest
			w.updateFails(func(tx store.Tx) error { _, err := tx.Ask(w.ctx, []store.Ask{second}); return err }, store.ErrExists)
			w.same("state", store.NonceReserved, w.nonce(id, 1).State)
		},

		"a gap fill takes a fillable nonce, its request, and the next fence": func(w *world) {
			id, rows := w.gaps()
			for _, at := range []uint64{0, 1, 2} {
				n := w.nonce(id, at)
				if got := w.asks(w.fill(n))[0]; got == 0 {
					w.Errorf("nonce %d was not filled", at)
				} else if a := w.attempt(got); a.Payment != "" || a.Purpose != "gap_fill" || a.Nonce != at {
					w.Errorf("attempt: %+v", a)
				}
				after := w.nonce(id, at)
				if after.State != store.NonceUsed || after.Request != "" || after.Fence != n.Fence+1 {
					w.Errorf("nonce %d: %+v", at, after)
				}
			}
			if rows := w.nonces(store.NonceFilter{Requests: []string{rows[1].Request}}); len(rows) != 0 {
				w.Errorf("the request of a filled nonce still has %+v", rows)
			}
		},

		"a gap fill does not take what is not fillable": func(w *world) {
			id, _ := w.gaps()
			for _, at := range []uint64{3, 4, 5, 6} {
				if got := w.asks(w.fill(w.nonce(id, at)))[0]; got != 0 {
					w.Errorf("nonce %d was filled", at)
				}
			}
			n := w.nonce(id, 0)
			n.Fence++
			if got := w.asks(w.fill(n))[0]; got != 0 {
				w.Error("another fence was filled")
			}
		},
	})
}

// gaps makes a wallet with nonces 0 free, 1 expired, 2 used and refused, 3 reserved, 4 asked, 5 signed, 6 free.
func (w *world) gaps() (wallet int64, rows []store.Nonce) {
	w.Helper()
	wallet = w.hot().ID
	for at := range 7 {
		expires := w.future()
		if at == 1 {
			expires = w.past()
		}
		rows = append(rows, w.reserve(wallet, w.unique("gap"), expires))
	}
	w.release(rows[0])
	w.release(rows[6])
	w.move(w.ask(rows[2]), store.AttemptAsked, store.AttemptRefused)
	w.ask(rows[4])
	w.move(w.ask(rows[5]), store.AttemptAsked, store.AttemptSigned)
	return wallet, rows
}

func testFillable(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"free, expired and refused below a signed one; nothing else": func(w *world) {
			id, _ := w.gaps()
			got := w.fillable("evm", 31337)
			w.same("fillable", []store.Nonce{w.nonce(id, 0), w.nonce(id, 1), w.nonce(id, 2)}, got)
		},

		"every signed state counts, an asked one does not": func(w *world) {
			id := w.hot().ID
			w.release(w.reserve(id, "free", w.future()))
			attempt := w.ask(w.reserve(id, "above", w.future()))
			if got := w.fillable("evm", 31337); len(got) != 0 {
				w.Errorf("above is only asked: %+v", got)
			}
			path := []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal}
			for i := 1; i < len(path); i++ {
				w.move(attempt, path[i-1], path[i])
				w.same(path[i], []uint64{0}, numbers(w.fillable("evm", 31337)))
			}
		},

		"a nonce used by refused attempts alone is there without a signed one above": func(w *world) {
			id := w.hot().ID
			w.move(w.ask(w.reserve(id, "a", w.future())), store.AttemptAsked, store.AttemptRefused)
			w.same("fillable", []uint64{0}, numbers(w.fillable("evm", 31337)))
			fill := w.asks(w.fill(w.nonce(id, 0)))[0]
			if got := w.fillable("evm", 31337); len(got) != 0 {
				w.Errorf("its fill is asked: %+v", got)
			}
			w.move(fill, store.AttemptAsked, store.AttemptRefused)
			w.same("after the fill was refused too", []uint64{0}, numbers(w.fillable("evm", 31337)))
			again := w.asks(w.fill(w.nonce(id, 0)))[0]
			w.move(again, store.AttemptAsked, store.AttemptSigned, store.AttemptSuperseded)
			if got := w.fillable("evm", 31337); len(got) != 0 {
				w.Errorf("one of its attempts was superseded: %+v", got)
			}
		},

		"only wallets of the chain, lowest first per wallet": func(w *world) {
			a, _ := w.gaps()
			b, _ := w.gaps()
			other := hot("0xother")
			other.ChainID = 1
			id := w.add(other).ID
			w.move(w.ask(w.reserve(id, "r", w.future())), store.AttemptAsked, store.AttemptRefused)
			var got []int64
			for _, n := range w.fillable("evm", 31337) {
				got = append(got, n.WalletID)
			}
			w.same("wallets", []int64{a, a, a, b, b, b}, got)
			w.same("of chain 1", []uint64{0}, numbers(w.fillable("evm", 1)))
			w.same("of another type", []uint64(nil), numbers(w.fillable("solana", 1)))
		},

		"a nonce sent elsewhere is never filled": func(w *world) {
			id := w.add(elsewhere("0xa")).ID
			n := w.reserve(id, "r", time.Time{})
			w.update(func(tx store.Tx) error { return tx.MarkSentElsewhere(w.ctx, id, n.Nonce, n.Fence, "0xhash") })
			if got := w.fillable("evm", 31337); len(got) != 0 {
				w.Errorf("fillable: %+v", got)
			}
		},
	})
}

func (w *world) fillable(chainType string, chainID int64) []store.Nonce {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Nonce, error) { return r.Fillable(w.ctx, chainType, chainID) })
}

func (w *world) attempts(f store.AttemptFilter) []store.Attempt {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Attempt, error) { return r.Attempts(w.ctx, f) })
}
