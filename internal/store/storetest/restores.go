package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func (w *world) restored() store.RestoreMark {
	w.Helper()
	return read(w, func(r store.Reader) (store.RestoreMark, error) { return r.Restored(w.ctx) })
}

// beginRestore puts the ledger back from a backup of an hour ago.
func (w *world) beginRestore() (r store.Restore) {
	w.Helper()
	taken := w.now().Add(-time.Hour)
	w.update(func(tx store.Tx) (err error) {
		r, err = tx.BeginRestore(w.ctx, store.Restore{TakenAt: taken, Digest: "ab", Actor: "alice"})
		return err
	})
	return r
}

func testRestores(t *testing.T, h Harness) {
	accept := func(w *world, id int64) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.AcceptRestore(w.ctx, id, "bob", "seen") }
	}
	finish := func(w *world, id int64) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.FinishExamination(w.ctx, id) }
	}
	tests(t, h, map[string]func(*world){
		"a ledger is paused until its newest restore is examined and accepted": func(w *world) {
			w.same("before", store.RestoreMark{}, w.restored())
			a, b := w.hot(), w.hot()
			w.reserve(b.ID, "r", w.future())
			r := w.beginRestore()
			w.same("the cursors", map[int64]uint64{a.ID: 0, b.ID: 1}, r.Cursors)
			w.same("the mark", store.RestoreMark{ID: r.ID, At: r.At, TakenAt: r.TakenAt, Paused: true}, w.restored())
			w.updateFails(accept(w, r.ID), store.ErrStale)
			w.update(finish(w, r.ID))
			w.same("examined", store.RestoreMark{ID: r.ID, At: r.At, TakenAt: r.TakenAt, Paused: true, Examined: true}, w.restored())
			w.update(finish(w, r.ID)) // once more
			w.update(accept(w, r.ID))
			w.same("accepted", store.RestoreMark{ID: r.ID, At: r.At, TakenAt: r.TakenAt, Examined: true}, w.restored())
			w.updateFails(accept(w, r.ID), store.ErrStale)
			w.updateFails(finish(w, r.ID), store.ErrStale)
			all := read(w, func(rd store.Reader) ([]store.Restore, error) { return rd.Restores(w.ctx) })
			r.AcceptedBy, r.Reason = "bob", "seen"
			w.same("the row", []store.Restore{r}, all, cmpopts.IgnoreFields(store.Restore{}, "ExaminedAt", "AcceptedAt"))
			if all[0].ExaminedAt.IsZero() || all[0].AcceptedAt.Before(all[0].ExaminedAt) {
				w.Errorf("examined %s, accepted %s", all[0].ExaminedAt, all[0].AcceptedAt)
			}
			w.beginRestore()
			if m := w.restored(); m.ID <= r.ID || !m.Paused || m.Examined {
				w.Errorf("put back again: %+v", m)
			}
			w.updateFails(finish(w, r.ID), store.ErrStale)
		},

		"an empty ledger is put back too": func(w *world) {
			w.same("the cursors", map[int64]uint64{}, w.beginRestore().Cursors)
		},

		"who reserves reads under the lock that it is paused": func(w *world) {
			hot := w.hot()
			facts := func() (f store.ReserveFacts) {
				w.update(func(tx store.Tx) (err error) {
					f, err = tx.LockForReserve(w.ctx, store.ReserveWant{WalletIDs: []int64{hot.ID}, FreeLimit: 1})
					return err
				})
				return f
			}
			w.same("before", store.RestoreMark{}, facts().Restored)
			r := w.beginRestore()
			w.same("paused", store.RestoreMark{ID: r.ID, At: r.At, TakenAt: r.TakenAt, Paused: true}, facts().Restored)
		},

		"the acceptance raises the fences of free nonces above all that were given": func(w *world) {
			hot := w.hot()
			n := w.reserve(hot.ID, "free", w.future())
			w.release(n)
			w.reserve(hot.ID, "reserved", w.future())
			w.asked(hot.ID)
			r := w.beginRestore()
			w.update(finish(w, r.ID))
			w.update(accept(w, r.ID))
			base := w.restored().FenceBase()
			var fences []int64
			for _, n := range w.nonces(store.NonceFilter{WalletID: hot.ID}) {
				fences = append(fences, n.Fence)
			}
			w.same("the fences", []int64{base + 1, 1, 1}, fences)
			if base < 1<<40 || base > 1<<53-1<<20 {
				w.Errorf("the base is %d", base)
			}
		},

		"what is held is queued, and nothing else": func(w *world) {
			for _, p := range []string{"held-2", "held-1", "queued", "kept"} {
				w.withdraw(p)
			}
			w.update(func(tx store.Tx) error {
				var moves []store.WithdrawalMove
				for _, p := range []string{"held-1", "held-2", "kept"} {
					moves = append(moves, store.WithdrawalMove{Payment: p, From: store.WithdrawalQueued, To: store.WithdrawalHeld, Reason: "restored"})
				}
				return tx.MoveWithdrawals(w.ctx, moves)
			})
			var got []string
			resume := func(tx store.Tx) (err error) {
				got, err = tx.ResumeHeld(w.ctx, []string{"held-2", "queued", "none", "held-1"})
				return err
			}
			w.update(resume)
			w.same("resumed", []string{"held-1", "held-2"}, got)
			if is := w.withdrawal("held-1"); is.State != store.WithdrawalQueued || is.Reason != "" {
				w.Errorf("it is %+v", is)
			}
			w.same("the other", store.WithdrawalHeld, w.withdrawal("kept").State)
			w.update(resume)
			w.same("resumed again", 0, len(got))
		},

		"a difference stands once for its kind and subject": func(w *world) {
			r := w.beginRestore()
			seven := uint64(7)
			d := store.Difference{Kind: "b", Subject: "s", ChainType: "evm", ChainID: 1, Address: "0xa", Nonce: &seven, Payment: "p", Detail: "old"}
			note := func(ds ...store.Difference) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.NoteDifferences(w.ctx, r.ID, ds) }
			}
			all := func() []store.Difference {
				return read(w, func(rd store.Reader) ([]store.Difference, error) { return rd.Differences(w.ctx, r.ID) })
			}
			w.update(note())
			other := store.Difference{Kind: "a", Subject: "t", Detail: "x"}
			w.update(note(d, other))
			d.Detail = "new"
			w.update(note(d, d))
			w.same("them", []store.Difference{other, d}, all(), cmpopts.IgnoreFields(store.Difference{}, "At"))
			if all()[0].At.IsZero() {
				w.Error("it has no time")
			}
			w.update(func(tx store.Tx) error { return tx.DropDifferences(w.ctx, r.ID, []string{"a", "c"}) })
			w.same("what is left", []store.Difference{d}, all(), cmpopts.IgnoreFields(store.Difference{}, "At"))
			w.update(func(tx store.Tx) error { return tx.DropDifferences(w.ctx, r.ID+1, []string{"b"}) })
			w.same("of another restore", 1, len(all()))
		},
	})
}
