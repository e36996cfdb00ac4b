package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func (w *world) fronts(limit int, wants ...store.FrontWant) []store.Front {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Front, error) { return r.Fronts(w.ctx, wants, limit) })
}

// slots are a front's rows in short.
func slots(f store.Front) []string {
	var out []string
	for _, s := range f.Slots {
		text := fmt.Sprint(s.Nonce.Nonce, " ", s.State)
		if s.Asked {
			text += " asked"
		}
		if s.Signed {
			text += " signed"
		}
		if s.Final {
			text += " final"
		}
		out = append(out, text)
	}
	return out
}

func testFronts(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"rows from a nonce on, with how far their attempts are": func(w *world) {
			id, _ := w.gaps() // 0 free, 1 expired, 2 refused, 3 reserved, 4 asked, 5 signed, 6 free
			other := w.hot().ID
			w.reserve(other, "other", w.future())
			five := uint64(5)
			all := w.fronts(100, store.FrontWant{WalletID: other, From: 1}, store.FrontWant{WalletID: id})
			if len(all) != 2 || all[0].WalletID != other || all[1].WalletID != id {
				w.Fatalf("fronts: %+v", all)
			}
			w.same("slots", []string{"0 free", "1 reserved", "2 used", "3 reserved", "4 used asked", "5 used signed", "6 free"}, slots(all[1]))
			w.same("the whole row", w.nonce(id, 3), all[1].Slots[3].Nonce)
			w.same("top", &five, all[1].Top)
			w.same("the other's", store.Front{WalletID: other, Below: []store.Nonce{w.nonce(other, 0)}}, all[0], cmpopts.EquateEmpty())

			f := w.fronts(100, store.FrontWant{WalletID: id, From: 4})[0]
			w.same("slots from 4 on", []string{"4 used asked", "5 used signed", "6 free"}, slots(f))
			w.same("below 4", []uint64{0, 1, 3}, numbers(f.Below))
			w.same("the whole row below", w.nonce(id, 1), f.Below[1])
			f = w.fronts(1, store.FrontWant{WalletID: id, From: 4})[0]
			w.same("one slot", []string{"4 used asked"}, slots(f))
			w.same("one free and one reserved below", []uint64{0, 1}, numbers(f.Below))
			w.same("top beyond the limit", &five, f.Top)
		},

		"a nonce sent elsewhere counts as signed": func(w *world) {
			id := w.add(elsewhere("0xa")).ID
			n := w.reserve(id, "r", time.Time{})
			w.update(func(tx store.Tx) error { return tx.MarkSentElsewhere(w.ctx, id, 0, n.Fence, "0xhash") })
			w.same("slots", []string{"0 used signed"}, slots(w.fronts(9, store.FrontWant{WalletID: id})[0]))
		},

		"a nonce stays signed to its end": func(w *world) {
			id := w.hot().ID
			attempt := w.ask(w.reserve(id, "r", w.future()))
			zero := uint64(0)
			for at, want := range []string{"signed", "signed", "signed", "signed final"} {
				states := []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptFinal}
				w.move(attempt, states[at], states[at+1])
				f := w.fronts(9, store.FrontWant{WalletID: id})[0]
				w.same("slots", []string{"0 used " + want}, slots(f))
				w.same("top", &zero, f.Top)
			}
		},

		"external ranges that reach the nonce": func(w *world) {
			id := w.hot().ID
			at := w.now()
			var all []store.External
			for _, r := range [][2]uint64{{0, 4}, {6, 9}, {12, 15}} {
				all = append(all, store.External{WalletID: id, From: r[0], To: r[1], Evidence: "chain", At: at})
			}
			w.update(func(tx store.Tx) error { return tx.AddExternals(w.ctx, all) })
			for from, want := range map[uint64][]store.External{0: all, 5: all[1:], 9: all[1:], 10: all[2:], 16: nil} {
				w.same("ranges", want, w.fronts(9, store.FrontWant{WalletID: id, From: from})[0].Externals, cmpopts.EquateEmpty())
			}
		},

		"nobody is wanted, and nobody is there": func(w *world) {
			w.same("fronts", 0, len(w.fronts(9)))
			w.same("a wallet with nothing", store.Front{WalletID: 4711}, w.fronts(9, store.FrontWant{WalletID: 4711})[0], cmpopts.EquateEmpty())
		},
	})
}
