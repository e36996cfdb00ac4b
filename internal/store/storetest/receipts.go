package storetest

import (
	"testing"

	"coffer.internal/internal/store"
)

const machine = "SHA256:machine"

func (w *world) device(device string) store.Device {
	w.Helper()
	return read(w, func(r store.Reader) (store.Device, error) { return r.Device(w.ctx, device) })
}

func (w *world) verified(seq uint64) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.RaiseVerified(w.ctx, machine, seq) })
}

func receipt(seq uint64) store.Receipt {
	return store.Receipt{Device: machine, Seq: seq, Signature: []byte{byte(seq), 0xff, 0}}
}

// asked is a new attempt in state asked.
func (w *world) asked(wallet int64) int64 {
	w.Helper()
	return w.ask(w.reserve(wallet, w.unique("r"), w.future()))
}

func answer(id int64, to string, r store.Receipt) store.AttemptMove {
	m := store.AttemptMove{ID: id, From: store.AttemptAsked, To: to, Receipt: r}
	if to == store.AttemptRefused {
		m.Refusal = "passing"
	} else {
		m.Raw, m.Hash = []byte{1}, "0x1"
	}
	return m
}

func moveAttempts(w *world, ms ...store.AttemptMove) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.MoveAttempts(w.ctx, ms) }
}

func testReceipts(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"an answer keeps its receipt for ever": func(w *world) {
			wallet := w.hot().ID
			a, b, c := w.asked(wallet), w.asked(wallet), w.asked(wallet)
			w.update(moveAttempts(w, answer(a, store.AttemptSigned, receipt(1)), answer(b, store.AttemptRefused, receipt(3)), answer(c, store.AttemptSigned, store.Receipt{})))
			w.update(moveAttempts(w, store.AttemptMove{ID: a, From: store.AttemptSigned, To: store.AttemptSent, Receipt: receipt(9)}))
			w.same("the receipt of a signature", receipt(1), w.attempt(a).Receipt)
			w.same("the receipt of a refusal", receipt(3), w.attempt(b).Receipt)
			w.same("an answer without one", store.Receipt{}, w.attempt(c).Receipt)
			w.same("what is held", store.Device{Device: machine, Held: 3}, w.device(machine))
			w.same("of another machine", store.Device{Device: "other"}, w.device("other"))
			for above, want := range map[uint64]int{0: 2, 1: 1, 2: 1, 3: 0} {
				if got := read(w, func(r store.Reader) (int, error) { return r.ReceiptsAbove(w.ctx, machine, above) }); got != want {
					w.Errorf("%d receipts above %d, want %d", got, above, want)
				}
			}
		},

		"a number is given to one attempt only": func(w *world) {
			wallet := w.hot().ID
			a, b := w.asked(wallet), w.asked(wallet)
			w.update(moveAttempts(w, answer(a, store.AttemptSigned, receipt(1))))
			w.updateFails(moveAttempts(w, answer(b, store.AttemptSigned, receipt(1))), store.ErrExists)
			w.same("the other attempt", store.AttemptAsked, w.attempt(b).State)
			other := receipt(1)
			other.Device = "SHA256:other"
			w.update(moveAttempts(w, answer(b, store.AttemptSigned, other)))
		},

		"a receipt that comes later is kept once": func(w *world) {
			wallet := w.hot().ID
			a, b := w.asked(wallet), w.asked(wallet)
			keep := func(id int64, seq uint64) func(store.Tx) error {
				return func(tx store.Tx) error {
					return tx.KeepReceipts(w.ctx, []store.AttemptReceipt{{ID: id, Receipt: receipt(seq)}})
				}
			}
			w.update(func(tx store.Tx) error { return tx.KeepReceipts(w.ctx, nil) })
			w.updateFails(keep(a, 4), store.ErrStale) // it has no answer
			w.update(moveAttempts(w, answer(a, store.AttemptSigned, store.Receipt{}), answer(b, store.AttemptSigned, store.Receipt{})))
			w.update(keep(a, 4))
			w.updateFails(keep(a, 5), store.ErrStale)
			w.updateFails(keep(b, 4), store.ErrExists)
			w.same("it", receipt(4), w.attempt(a).Receipt)
		},

		"the mark only rises": func(w *world) {
			w.verified(5)
			w.same("the mark", store.Device{Device: machine, Verified: 5, Held: 5}, w.device(machine))
			w.verified(3)
			w.same("after a lower one", uint64(5), w.device(machine).Verified)
			w.verified(1 << 40)
			w.same("after a higher one", uint64(1<<40), w.device(machine).Verified)
		},

		"attempts are found by digest": func(w *world) {
			wallet := w.hot().ID
			a, b := w.asked(wallet), w.asked(wallet)
			w.asked(wallet)
			found := w.attempts(store.AttemptFilter{Digests: []string{w.attempt(b).Digest, "none", w.attempt(a).Digest}})
			if len(found) != 2 || found[0].ID != a || found[1].ID != b {
				w.Errorf("found %+v", found)
			}
			from := w.attempts(store.AttemptFilter{WalletID: wallet, FromNonce: 1, By: "nonce"})
			if len(from) != 2 || from[0].Nonce != 1 || from[1].Nonce != 2 {
				w.Errorf("from nonce 1: %+v", from)
			}
			other := hot("0xother")
			other.Device = "device-2"
			elsewhere := w.asked(w.add(other).ID)
			if got := w.attempts(store.AttemptFilter{Device: "device-2"}); len(got) != 1 || got[0].ID != elsewhere {
				w.Errorf("of another machine: %+v", got)
			}
			if none := w.attempts(store.AttemptFilter{Digests: []string{}}); len(none) != 0 {
				w.Errorf("no digests found %+v", none)
			}
		},

		"a cursor is raised over free nonces": func(w *world) {
			wallet := w.hot().ID
			w.reserve(wallet, "r", w.future())
			open := func(cursor uint64) {
				w.update(func(tx store.Tx) error { return tx.OpenNonces(w.ctx, wallet, cursor) })
			}
			open(4)
			w.same("the cursor", uint64(4), w.wallet(wallet).Nonce)
			free := w.nonces(store.NonceFilter{WalletID: wallet, States: []string{store.NonceFree}})
			w.same("the free ones", []uint64{1, 2, 3}, numbers(free))
			if free[0].Fence != 1 || free[0].Request != "" || free[0].UpdatedAt.IsZero() {
				w.Errorf("a free one: %+v", free[0])
			}
			before := w.wallet(wallet)
			open(4)
			open(2)
			w.same("after lower ones", before, w.wallet(wallet))
			w.same("the rows", 4, len(w.nonces(store.NonceFilter{WalletID: wallet})))
		},

		"wallets move to another machine, all or none": func(w *world) {
			a, b := w.hot(), w.hot()
			rebind := func(from string, ids ...int64) func(store.Tx) error {
				var rs []store.Rebind
				for _, id := range ids {
					rs = append(rs, store.Rebind{WalletID: id, From: from, To: "device-2"})
				}
				return func(tx store.Tx) error { return tx.RebindWallets(w.ctx, rs) }
			}
			w.update(rebind("device-1"))
			w.updateFails(rebind("device-1", a.ID, b.ID+1), store.ErrStale)
			w.updateFails(rebind("device-9", a.ID), store.ErrStale)
			w.same("nothing moved", "device-1", w.wallet(a.ID).Device)
			w.update(rebind("device-1", a.ID, b.ID))
			got := w.wallet(b.ID)
			if got.Device != "device-2" || got.Path != b.Path || got.Address != b.Address || !got.UpdatedAt.After(b.UpdatedAt) {
				w.Errorf("moved: %+v", got)
			}
			w.updateFails(rebind("device-1", a.ID), store.ErrStale)
		},
	})
}
