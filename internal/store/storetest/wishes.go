package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func (w *world) wish(payment, kind string) (added store.Wish) {
	w.Helper()
	w.update(func(tx store.Tx) (err error) {
		added, err = tx.AddWish(w.ctx, store.Wish{Payment: payment, Kind: kind, Actor: "ann@host", Reason: "slow"})
		return err
	})
	return added
}

func (w *world) wishes(f store.WishFilter) []store.Wish {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Wish, error) { return r.Wishes(w.ctx, f) })
}

func testWishes(t *testing.T, h Harness) {
	end := func(w *world, result string, ids ...int64) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.EndWishes(w.ctx, ids, result) }
	}
	tests(t, h, map[string]func(*world){
		"one that is new is open": func(w *world) {
			w.withdraw("p")
			got := w.wish("p", store.WishBump)
			w.same("wish", store.Wish{Payment: "p", Kind: store.WishBump, Actor: "ann@host", Reason: "slow"}, got,
				cmpopts.IgnoreFields(store.Wish{}, "ID", "At"))
			if got.ID == 0 || got.At.IsZero() || got.At.Location() != time.UTC {
				w.Errorf("wish: %+v", got)
			}
			w.same("wishes", []store.Wish{got}, w.wishes(store.WishFilter{}))
		},

		"said twice it is the one that stands; another kind is another wish": func(w *world) {
			w.withdraw("p")
			w.withdraw("q")
			first := w.wish("p", store.WishBump)
			w.update(func(tx store.Tx) error {
				got, err := tx.AddWish(w.ctx, store.Wish{Payment: "p", Kind: store.WishBump, Actor: "bob", Reason: "too"})
				w.same("wish", first, got)
				return err
			})
			cancel, other := w.wish("p", store.WishCancel), w.wish("q", store.WishBump)
			w.same("wishes", []store.Wish{first, cancel, other}, w.wishes(store.WishFilter{}))
		},

		"one that ended has its result, and makes room for the next": func(w *world) {
			w.withdraw("p")
			first, cancel := w.wish("p", store.WishBump), w.wish("p", store.WishCancel)
			w.update(end(w, "done", first.ID))
			got := w.wishes(store.WishFilter{})
			if got[0].Result != "done" || got[0].EndedAt.IsZero() || got[1] != cancel {
				w.Errorf("wishes: %+v", got)
			}
			next := w.wish("p", store.WishBump)
			if next.ID <= cancel.ID {
				w.Errorf("wish: %+v", next)
			}
			w.updateFails(end(w, "again", cancel.ID, first.ID), store.ErrStale)
			w.updateFails(end(w, "again", 4711), store.ErrStale)
			w.same("open", []store.Wish{cancel, next}, w.wishes(store.WishFilter{Open: true}))
			w.update(end(w, "nobody's"))
			w.update(end(w, "done", next.ID, cancel.ID))
			w.same("open", 0, len(w.wishes(store.WishFilter{Open: true})))
		},

		"a payment that is not there, and a kind that is none, are refused": func(w *world) {
			w.withdraw("p")
			for _, wish := range []store.Wish{{Payment: "x", Kind: store.WishBump}, {Payment: "p", Kind: "sell"}} {
				if err := w.db.Update(w.ctx, func(tx store.Tx) error { _, err := tx.AddWish(w.ctx, wish); return err }); err == nil {
					w.Errorf("%+v was written", wish)
				}
			}
		},

		"a filter selects, by id": func(w *world) {
			other := newWithdrawal("s")
			other.ChainType, other.ChainID = "solana", 101
			w.withdraw("p")
			w.withdraw("q")
			w.update(func(tx store.Tx) error { return tx.AddWithdrawals(w.ctx, []store.NewWithdrawal{other}) })
			for _, p := range []string{"q", "p", "s"} {
				w.wish(p, store.WishCancel)
			}
			chain := int64(101)
			for _, f := range []struct {
				filter store.WishFilter
				want   string
			}{
				{store.WishFilter{}, "qps"},
				{store.WishFilter{Payments: []string{"p", "q", "x"}}, "qp"},
				{store.WishFilter{Payments: []string{}}, ""},
				{store.WishFilter{ChainType: "evm", Open: true}, "qp"},
				{store.WishFilter{ChainID: &chain}, "s"},
			} {
				got := ""
				for _, x := range w.wishes(f.filter) {
					got += x.Payment
				}
				w.same(fmt.Sprintf("%+v", f.filter), f.want, got)
			}
		},
	})
}
