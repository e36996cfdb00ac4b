package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

const ttl = 15 * time.Second

// A lease of over lies in the past when it is written; one of year ends later than any could.
const (
	over = -time.Second
	year = 365 * 24 * time.Hour
)

func (w *world) take(holder string, ttl time.Duration, ids ...int64) (taken []store.Lease) {
	w.Helper()
	w.update(func(tx store.Tx) (err error) {
		taken, err = tx.TakeLeases(w.ctx, holder, ids, ttl)
		return err
	})
	return taken
}

func (w *world) renew(holder string, ttl time.Duration) (renewed []store.Lease) {
	w.Helper()
	w.update(func(tx store.Tx) (err error) {
		renewed, err = tx.RenewLeases(w.ctx, holder, ttl)
		return err
	})
	return renewed
}

func (w *world) hold(ls ...store.Lease) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.HoldLeases(w.ctx, ls) }
}

func (w *world) leases(ids ...int64) []store.Lease {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Lease, error) { return r.Leases(w.ctx, ids) })
}

// inShort is who has which wallet in which epoch.
func inShort(ls []store.Lease) (out []string) {
	for _, l := range ls {
		out = append(out, fmt.Sprintf("%d %s %d", l.WalletID, l.Holder, l.Epoch))
	}
	return out
}

func testLeases(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"one that nobody has is taken, in epoch 1, and kept from others": func(w *world) {
			a, b, c := w.hot().ID, w.hot().ID, w.hot().ID
			before := w.now()
			got := w.take("x", ttl, b, a, 4711)
			want := []string{fmt.Sprint(a, " x 1"), fmt.Sprint(b, " x 1")}
			w.same("taken", want, inShort(got))
			if end := got[0].ExpiresAt; end.Before(before.Add(ttl)) || end.After(w.now().Add(ttl)) || end.Location() != time.UTC {
				w.Errorf("taken at %v, it ends at %v", before, end)
			}
			w.same("what another one gets", []string{fmt.Sprint(c, " y 1")}, inShort(w.take("y", ttl, a, b, c)))
			w.same("leases", got, w.leases(a, b, 4711))
			w.same("one that nobody ever took", 0, len(w.leases(4711)))
			w.same("nobody's", 0, len(w.take("z", ttl)))
		},

		"one's own is given again, prolonged, in its epoch, also when it had ended": func(w *world) {
			id := w.hot().ID
			first := w.take("x", time.Second, id)[0]
			again := w.take("x", ttl, id)
			w.same("again", first, again[0], cmpopts.IgnoreFields(store.Lease{}, "ExpiresAt"))
			if !again[0].ExpiresAt.After(first.ExpiresAt) {
				w.Errorf("it ended at %v, and ends at %v", first.ExpiresAt, again[0].ExpiresAt)
			}
			w.take("x", over, id)
			w.same("after its end", []string{fmt.Sprint(id, " x 1")}, inShort(w.take("x", ttl, id)))
		},

		"F21 an ended lease goes to the next one in a higher epoch, and the first one's writes fail": func(w *world) {
			id := w.hot().ID
			first := w.take("x", over, id)
			w.update(w.hold(first...)) // ended, but nobody took it
			second := w.take("y", ttl, id)
			w.same("second", []string{fmt.Sprint(id, " y 2")}, inShort(second))
			w.updateFails(w.hold(first...), store.ErrStale)
			w.update(w.hold(second...))
			w.same("what the first one still has", 0, len(w.renew("x", ttl)))
			w.same("what it may take", 0, len(w.take("x", ttl, id)))
		},

		"F25 of two that sleep in turn, each finds another epoch when it wakes": func(w *world) {
			id := w.hot().ID
			first := w.take("x", over, id)
			second := w.take("y", over, id)
			third := w.take("x", ttl, id)
			w.same("third", []string{fmt.Sprint(id, " x 3")}, inShort(third))
			w.updateFails(w.hold(first...), store.ErrStale) // its own of before, in an older epoch
			w.updateFails(w.hold(second...), store.ErrStale)
			w.update(w.hold(third...))
		},

		"F36 a lease from before the clock went back counts as ended": func(w *world) {
			id, other := w.hot().ID, w.hot().ID
			first := w.take("x", year, id)
			w.take("x", ttl+ttl/2, other) // not longer than a holder with another ttl could want
			w.same("taken", []string{fmt.Sprint(id, " y 2")}, inShort(w.take("y", ttl, id, other)))
			w.updateFails(w.hold(first...), store.ErrStale)
		},

		"F36 its holder goes on in it when nobody took it": func(w *world) {
			id := w.hot().ID
			first := w.take("x", year, id)
			w.same("renewed", inShort(first), inShort(w.renew("x", ttl)))
			w.same("what another one gets then", 0, len(w.take("y", ttl, id)))
			w.update(w.hold(first...))
		},

		"renewing prolongs all that the holder has": func(w *world) {
			a, b, c := w.hot().ID, w.hot().ID, w.hot().ID
			w.take("x", over, b)
			w.take("x", time.Second, a)
			w.take("y", ttl, c)
			before := w.leases(c)
			got := w.renew("x", ttl)
			w.same("renewed", []string{fmt.Sprint(a, " x 1"), fmt.Sprint(b, " x 1")}, inShort(got))
			w.same("leases", append(got, before...), w.leases(a, b, c))
			for _, l := range got {
				if !l.ExpiresAt.After(w.now().Add(ttl / 2)) {
					w.Errorf("renewed: %+v", l)
				}
			}
			w.same("of nobody", 0, len(w.renew("z", ttl)))
		},

		"those given back are free at once, and a write in them fails": func(w *world) {
			a, b, c := w.hot().ID, w.hot().ID, w.hot().ID
			mine := w.take("x", ttl, a, b)
			theirs := w.take("y", ttl, c)
			drop := func(holder string, ids []int64) {
				w.update(func(tx store.Tx) error { return tx.DropLeases(w.ctx, holder, ids) })
			}
			drop("x", []int64{a, c, 4711})
			w.updateFails(w.hold(mine[0]), store.ErrStale)
			w.update(w.hold(mine[1]))
			w.update(w.hold(theirs...))
			w.same("given back", []string{fmt.Sprint(a, "  1")}, inShort(w.leases(a)))
			w.same("taken by another", []string{fmt.Sprint(a, " y 2")}, inShort(w.take("y", ttl, a, b)))
			drop("x", nil)
			w.same("leases", []string{fmt.Sprint(a, " y 2"), fmt.Sprint(b, "  1"), fmt.Sprint(c, " y 1")}, inShort(w.leases(a, b, c)))
			drop("y", []int64{})
			w.same("none named, none given back", []string{fmt.Sprint(a, " y 2")}, inShort(w.leases(a)))
			w.same("taken again by the first", []string{fmt.Sprint(b, " x 2")}, inShort(w.take("x", ttl, b)))
		},

		"all are held, or the write fails whole": func(w *world) {
			a, b := w.hot().ID, w.hot().ID
			mine := append(w.take("x", ttl, a), w.take("y", ttl, b)...)
			w.update(w.hold(mine...))
			w.update(w.hold())
			for _, l := range []store.Lease{
				{WalletID: a, Holder: "y", Epoch: 1}, {WalletID: a, Holder: "x", Epoch: 2}, {WalletID: 4711, Holder: "x", Epoch: 1},
			} {
				w.updateFails(func(tx store.Tx) error {
					if err := tx.MoveCursors(w.ctx, moves(a, 0, 1)); err != nil {
						return err
					}
					return tx.HoldLeases(w.ctx, []store.Lease{mine[1], l})
				}, store.ErrStale)
			}
			if got := w.wallet(a).Nonce; got != 0 {
				w.Errorf("a write without the lease stands: the cursor is %d", got)
			}
		},

		"many are taken at once": func(w *world) {
			var ids []int64
			for range 300 {
				ids = append(ids, w.hot().ID)
			}
			w.same("taken", 300, len(w.take("x", over, ids...)))
			w.same("taken by the next", 300, len(w.take("y", ttl, ids...)))
			w.update(w.hold(w.leases(ids...)...))
		},
	})
}
