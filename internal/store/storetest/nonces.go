package storetest

import (
	"errors"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

func isOne(err error, of []error) bool {
	for _, is := range of {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

func testNonces(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a released nonce is free, keeps its fence, and has no request": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "r", w.future())
			w.release(n)
			w.same("row", store.Nonce{WalletID: id, State: store.NonceFree, Fence: n.Fence}, w.nonce(id, 0), set)
			if rows := w.nonces(store.NonceFilter{Requests: []string{"r"}}); len(rows) != 0 {
				w.Errorf("the request still has %+v", rows)
			}
		},

		"release compares state and fence": func(w *world) {
			id := w.hot().ID
			n := w.reserve(id, "r", w.future())
			release := func(nonce uint64, fence int64) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.Release(w.ctx, id, nonce, fence) }
			}
			w.updateFails(release(0, n.Fence+1), store.ErrStale)
			w.updateFails(release(1, 1), store.ErrStale)
			w.release(n)
			w.updateFails(release(0, n.Fence), store.ErrStale)
			used := w.reserve(id, "used", w.future())
			w.ask(used)
			w.updateFails(release(used.Nonce, used.Fence), store.ErrStale)
		},

		"an expired reservation can still be released": func(w *world) {
			w.release(w.reserve(w.hot().ID, "r", w.past()))
		},

		"a nonce sent elsewhere is used and keeps the hash": func(w *world) {
			id := w.add(elsewhere("0xa")).ID
			n := w.reserve(id, "r", time.Time{})
			sent := func(fence int64) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.MarkSentElsewhere(w.ctx, id, 0, fence, "0xhash") }
			}
			w.updateFails(sent(n.Fence+1), store.ErrStale)
			w.update(sent(n.Fence))
			got := w.nonce(id, 0)
			if got.State != store.NonceUsed || got.Hash != "0xhash" || got.Fence != n.Fence || got.Request != "r" {
				w.Errorf("row: %+v", got)
			}
			w.updateFails(sent(n.Fence), store.ErrStale)
		},

		"a nonce whose key a signing machine holds is not sent elsewhere": func(w *world) {
			n := w.reserve(w.hot().ID, "r", w.future())
			w.updateFails(func(tx store.Tx) error { return tx.MarkSentElsewhere(w.ctx, n.WalletID, 0, n.Fence, "0xhash") }, store.ErrStale)
			w.same("row", n, w.nonce(n.WalletID, 0))
		},

		"nonces at and above one are dropped, the free and the reserved": func(w *world) {
			id, other := w.hot().ID, w.hot().ID
			used := w.reserve(id, "used", w.future())
			w.ask(used)
			for range 3 {
				w.reserve(id, w.unique("r"), w.future())
			}
			w.release(w.nonce(id, 2))
			kept := w.reserve(other, "other", w.future())
			drop := func(from uint64) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.DropNonces(w.ctx, id, from) }
			}
			w.updateFails(drop(0), store.ErrStale)
			if got := numbers(w.nonces(store.NonceFilter{WalletID: id})); len(got) != 4 {
				w.Errorf("a refused drop left %v", got)
			}
			w.update(drop(2))
			w.same("rows", []uint64{0, 1}, numbers(w.nonces(store.NonceFilter{WalletID: id})))
			w.same("the other wallet's", kept, w.nonce(other, 0))
			w.same("reserved", 1, w.load(id).Reserved)
		},

		"a filter selects, by wallet and nonce": func(w *world) {
			a, b := w.hot().ID, w.hot().ID
			for range 3 {
				w.reserve(b, w.unique("b"), w.future())
			}
			w.reserve(a, "a", w.future())
			w.release(w.nonce(b, 1))
			type at struct {
				Wallet int64
				Nonce  uint64
			}
			for _, f := range []struct {
				filter store.NonceFilter
				want   []at
			}{
				{store.NonceFilter{}, []at{{a, 0}, {b, 0}, {b, 1}, {b, 2}}},
				{store.NonceFilter{WalletID: b}, []at{{b, 0}, {b, 1}, {b, 2}}},
				{store.NonceFilter{WalletIDs: []int64{b, a, 4711}, From: 1}, []at{{b, 1}, {b, 2}}},
				{store.NonceFilter{WalletIDs: []int64{}}, nil},
				{store.NonceFilter{WalletID: b, Highest: true, Limit: 2}, []at{{b, 2}, {b, 1}}},
				{store.NonceFilter{States: []string{store.NonceReserved}}, []at{{a, 0}, {b, 0}, {b, 2}}},
				{store.NonceFilter{States: []string{store.NonceFree, store.NonceUsed}}, []at{{b, 1}}},
				{store.NonceFilter{From: 1}, []at{{b, 1}, {b, 2}}},
				{store.NonceFilter{Limit: 2}, []at{{a, 0}, {b, 0}}},
				{store.NonceFilter{Requests: []string{"a", "nobody"}}, []at{{a, 0}}},
			} {
				var got []at
				for _, n := range w.nonces(f.filter) {
					got = append(got, at{n.WalletID, n.Nonce})
				}
				w.same("rows", f.want, got)
			}
		},
	})
}

func testExternals(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a range drops the free and reserved rows inside it and is listed": func(w *world) {
			id, other := w.hot().ID, w.hot().ID
			w.ask(w.reserve(id, "used", w.future()))
			for range 4 {
				w.reserve(id, w.unique("r"), w.future())
			}
			w.release(w.nonce(id, 2))
			kept := w.reserve(other, "other", w.future())
			add := func(es ...store.External) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.AddExternals(w.ctx, es) }
			}
			second := store.External{WalletID: id, From: 2, To: 3, Evidence: "operator", Reason: "why", At: w.now()}
			w.updateFails(add(store.External{WalletID: id, From: 0, To: 3, Evidence: "chain", At: w.now()}), store.ErrStale)
			w.update(add(store.External{WalletID: id, From: 9, To: 12, Evidence: "chain", At: w.now()}))
			w.update(add(second))
			w.same("rows", []uint64{0, 1, 4}, numbers(w.nonces(store.NonceFilter{WalletID: id})))
			w.same("the other wallet's", kept, w.nonce(other, 0))
			got := w.externals(id)
			if len(got) != 2 || got[1].From != 9 || got[1].To != 12 {
				w.Fatalf("externals: %+v", got)
			}
			w.same("range", second, got[0])
			if theirs := w.externals(other); len(theirs) != 0 {
				w.Errorf("the other wallet has %+v", theirs)
			}
			w.same("reserved", 2, w.load(id).Reserved)
		},

		"ranges of many wallets are recorded at once, or none": func(w *world) {
			a, b := w.hot().ID, w.hot().ID
			w.ask(w.reserve(a, "used", w.future()))
			w.reserve(a, "r", w.future())
			w.reserve(b, "s", w.future())
			at := w.now()
			inB := store.External{WalletID: b, From: 0, To: 8, Evidence: "chain", Reason: "b", At: at}
			inA := store.External{WalletID: a, From: 1, To: 1, Evidence: "operator", Reason: "a", At: at}
			overUsed := inA
			overUsed.From = 0
			w.updateFails(func(tx store.Tx) error { return tx.AddExternals(w.ctx, []store.External{inB, overUsed}) }, store.ErrStale)
			w.update(func(tx store.Tx) error { return tx.AddExternals(w.ctx, nil) })
			w.same("rows before", 3, len(w.nonces(store.NonceFilter{})))
			w.update(func(tx store.Tx) error { return tx.AddExternals(w.ctx, []store.External{inB, inA}) })
			w.same("rows", []uint64{0}, numbers(w.nonces(store.NonceFilter{})))
			w.same("ranges", []store.External{inA, inB}, append(w.externals(a), w.externals(b)...))
		},

		"ranges are cut at a nonce": func(w *world) {
			id := w.hot().ID
			for _, r := range [][2]uint64{{0, 4}, {6, 9}, {12, 15}} {
				w.update(func(tx store.Tx) error {
					return tx.AddExternals(w.ctx, []store.External{{WalletID: id, From: r[0], To: r[1], Evidence: "chain", At: w.now()}})
				})
			}
			for _, c := range []struct {
				at   uint64
				want [][2]uint64
			}{{16, [][2]uint64{{0, 4}, {6, 9}, {12, 15}}}, {8, [][2]uint64{{0, 4}, {6, 7}}}, {6, [][2]uint64{{0, 4}}}, {0, nil}} {
				w.update(func(tx store.Tx) error { return tx.TrimExternals(w.ctx, id, c.at) })
				var got [][2]uint64
				for _, e := range w.externals(id) {
					got = append(got, [2]uint64{e.From, e.To})
				}
				w.same("ranges", c.want, got)
			}
		},
	})
}

func (w *world) externals(id int64) []store.External {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.External, error) { return r.Externals(w.ctx, id) })
}
