package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

// alarm is one about a wallet; its key is made of kind and wallet.
func alarm(kind string, wallet store.Wallet) store.Alarm {
	return store.Alarm{
		Key: fmt.Sprint(kind, "/", wallet.ID), Kind: kind, ChainType: "evm", ChainID: 31337, WalletID: wallet.ID, Why: "why of " + kind, ToDo: "do this",
	}
}

// onChain is one about all wallets of the chain.
func onChain(kind string) store.Alarm {
	return store.Alarm{Key: kind, Kind: kind, ChainType: "evm", ChainID: 31337, Why: "why of " + kind, ToDo: "do this"}
}

func braking(a store.Alarm) store.Alarm {
	a.Brake = true
	return a
}

func (w *world) raiseAlarms(as ...store.Alarm) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.RaiseAlarms(w.ctx, as) })
}

func (w *world) endAlarms(keys ...string) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.EndAlarms(w.ctx, keys, "somebody") })
}

func (w *world) alarms(f store.AlarmFilter) []store.Alarm {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Alarm, error) { return r.Alarms(w.ctx, f) })
}

func testAlarms(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"one that is raised is open, with all that was said": func(w *world) {
			wallet := w.hot()
			a := alarm("foreign_use", wallet)
			a.Payment, a.Brake, a.Sticky = "p", true, true
			b := onChain("nodes_disagree")
			w.raiseAlarms(a, b)
			got := w.alarms(store.AlarmFilter{})
			a.Address = wallet.Address
			w.same("alarms", []store.Alarm{a, b}, got, cmpopts.IgnoreFields(store.Alarm{}, "ID", "Since", "SeenAt"))
			for _, x := range got {
				if x.ID == 0 || x.Since.IsZero() || !x.Since.Equal(x.SeenAt) || x.Since.Location() != time.UTC {
					w.Errorf("alarm: %+v", x)
				}
			}
		},

		"raised again it stays that alarm, in the new words": func(w *world) {
			a := alarm("no_funds", w.hot())
			w.raiseAlarms(a)
			first := w.alarms(store.AlarmFilter{})[0]
			for _, change := range []func(*store.Alarm){
				func(a *store.Alarm) { a.Why = "another why" },
				func(a *store.Alarm) { a.ToDo = "do that" },
				func(a *store.Alarm) { a.Brake = true },
			} {
				change(&a)
				w.raiseAlarms(a)
				all := w.alarms(store.AlarmFilter{})
				want := first
				want.Why, want.ToDo, want.Brake = a.Why, a.ToDo, a.Brake
				w.same("alarms", []store.Alarm{want}, all, cmpopts.IgnoreFields(store.Alarm{}, "SeenAt"))
				if !all[0].SeenAt.After(first.SeenAt) {
					w.Errorf("seen at %v, and then at %v", first.SeenAt, all[0].SeenAt)
				}
			}
		},

		"the same words a moment later write nothing": func(w *world) {
			a := alarm("no_funds", w.hot())
			w.raiseAlarms(a)
			first := w.alarms(store.AlarmFilter{})
			a.Sticky = true // nor does anything but the words
			w.raiseAlarms(a)
			w.same("alarms", first, w.alarms(store.AlarmFilter{}))
		},

		"a minute later they say that it was seen again": func(w *world) {
			w.raiseAlarms(alarm("no_funds", w.hot()))
			if err := w.exec("UPDATE alarms SET since = '2020-01-01T00:00:00.000000Z', seen_at = '2020-01-01T00:00:00.000000Z'"); err != nil {
				w.Fatal(err)
			}
			old := w.alarms(store.AlarmFilter{})[0]
			w.raiseAlarms(alarm("no_funds", store.Wallet{ID: old.WalletID}))
			got := w.alarms(store.AlarmFilter{})
			if len(got) != 1 || !got[0].Since.Equal(old.Since) || !got[0].SeenAt.After(old.SeenAt) {
				w.Errorf("alarms: %+v", got)
			}
		},

		"of one key twice in a batch the last words count": func(w *world) {
			a := alarm("no_funds", w.hot())
			b := a
			b.Why = "the last word"
			w.raiseAlarms(a, b)
			if got := w.alarms(store.AlarmFilter{}); len(got) != 1 || got[0].Why != b.Why {
				w.Errorf("alarms: %+v", got)
			}
			w.raiseAlarms()
		},

		"one that is ended is told who ended it, and makes room for the next": func(w *world) {
			a, b := onChain("a"), onChain("b")
			a.Sticky = true
			w.raiseAlarms(a, b)
			w.endAlarms("a", "unknown")
			got := w.alarms(store.AlarmFilter{})
			if got[0].EndedAt.IsZero() || got[0].EndedBy != "somebody" || !got[1].EndedAt.IsZero() {
				w.Errorf("alarms: %+v", got)
			}
			w.endAlarms("a")
			w.endAlarms()
			w.same("ended once", got, w.alarms(store.AlarmFilter{}))
			w.raiseAlarms(a)
			open := w.alarms(store.AlarmFilter{Open: true, Keys: []string{"a"}})
			if len(open) != 1 || open[0].ID <= got[1].ID || open[0].Since.Before(got[0].EndedAt) {
				w.Errorf("open: %+v", open)
			}
		},

		"at most one with a key is open": func(w *world) {
			w.raiseAlarms(onChain("a"))
			copied := "INSERT INTO alarms (key, kind, chain_type, chain_id, brake, sticky, why, todo, since, seen_at) " +
				"SELECT key, kind, chain_type, chain_id, brake, sticky, why, todo, since, seen_at FROM alarms"
			if err := w.exec(copied); err == nil {
				w.Error("a second open one with the same key was written")
			}
		},

		"a brake says why": func(w *world) {
			a := braking(onChain("a"))
			a.Why = ""
			if err := w.db.Update(w.ctx, func(tx store.Tx) error { return tx.RaiseAlarms(w.ctx, []store.Alarm{a}) }); err == nil {
				w.Error("a brake without a reason, which nobody would see, was written")
			}
		},

		"a filter selects, by id": func(w *world) {
			x := hot("0xx")
			x.ChainID = 1
			one, two := w.hot(), w.add(x)
			a, b, c, d := alarm("a", one), alarm("b", two), onChain("c"), alarm("d", one)
			b.ChainID, d.Payment = 1, "p"
			w.raiseAlarms(a)
			w.raiseAlarms(b)
			w.raiseAlarms(c)
			mid := w.now()
			w.raiseAlarms(d)
			w.endAlarms(a.Key, c.Key)
			w.raiseAlarms(onChain("c"))
			chain := int64(1)
			for _, f := range []struct {
				filter store.AlarmFilter
				want   string
			}{
				{store.AlarmFilter{}, "a b c d c "},
				{store.AlarmFilter{Newest: true}, "c d c b a "},
				{store.AlarmFilter{Newest: true, Limit: 2}, "c d "},
				{store.AlarmFilter{Limit: 2}, "a b "},
				{store.AlarmFilter{Open: true}, "b d c "},
				{store.AlarmFilter{Keys: []string{"c", a.Key, "x"}}, "a c c "},
				{store.AlarmFilter{Kinds: []string{"b", "d"}}, "b d "},
				{store.AlarmFilter{ChainType: "btc"}, ""},
				{store.AlarmFilter{ChainType: "evm", ChainID: &chain}, "b "},
				{store.AlarmFilter{WalletIDs: []int64{one.ID, 4711}}, "a d "},
				{store.AlarmFilter{WalletIDs: []int64{}}, ""},
				{store.AlarmFilter{Payments: []string{"p", "q"}}, "d "},
				{store.AlarmFilter{ChangedAfter: mid}, "a c d c "},
				{store.AlarmFilter{ChangedAfter: mid, Open: true}, "d c "},
				{store.AlarmFilter{ChangedAfter: w.future()}, ""},
			} {
				got := ""
				for _, x := range w.alarms(f.filter) {
					got += x.Kind + " "
				}
				w.same(fmt.Sprintf("%+v", f.filter), f.want, got)
			}
		},
	})
}

func testBrakes(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"an open brake of the wallet or of its chain, the first of them, and nothing else": func(w *world) {
			x := hot("0xx")
			x.ChainID = 1
			one, two, far := w.hot(), w.hot(), w.add(x)
			brakes := func(what string, want ...string) {
				w.Helper()
				ids := []int64{one.ID, two.ID, far.ID}
				var got, locked []string
				for _, l := range read(w, func(r store.Reader) ([]store.Load, error) { return r.Loads(w.ctx, ids) }) {
					got = append(got, l.Brake)
				}
				for _, l := range w.facts(store.ReserveWant{WalletIDs: ids}).Loads {
					locked = append(locked, l.Brake)
				}
				w.same(what, want, got)
				w.same(what+", under the lock", want, locked)
			}
			w.raiseAlarms(alarm("no_funds", one), onChain("node_lags"))
			brakes("no brake", "", "", "")
			w.raiseAlarms(braking(alarm("delegated", two)))
			brakes("one wallet", "", "why of delegated", "")
			w.raiseAlarms(braking(onChain("chain_id")))
			brakes("the chain", "why of chain_id", "why of delegated", "")
			w.raiseAlarms(braking(alarm("foreign_use", one)))
			brakes("the first one", "why of chain_id", "why of delegated", "")
			w.endAlarms("chain_id")
			brakes("after the chain's", "why of foreign_use", "why of delegated", "")
			a := alarm("delegated", two)
			a.Why = "not so bad"
			w.raiseAlarms(a)
			brakes("no brake any more", "why of foreign_use", "", "")
			other := onChain("solana")
			other.ChainType = "solana"
			w.raiseAlarms(braking(other))
			brakes("another chain type with this id", "why of foreign_use", "", "")
		},
	})
}
