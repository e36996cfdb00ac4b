package storetest

import (
	"fmt"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

func testWallets(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a wallet comes back as it was added, with id and times": func(w *world) {
			for _, in := range []store.Wallet{hot("0xa"), elsewhere("0xb"), {
				Address: "bc1q", ChainType: "btc", ChainID: 0, WalletType: "cold", Nonce: 1 << 53, Active: false,
			}, {
				Address: "0xa", ChainType: "evm", ChainID: 1<<63 - 1, WalletType: "vault", Nonce: 7, Active: true,
			}} {
				out := w.add(in)
				if out.ID == 0 || out.CreatedAt.IsZero() || !out.UpdatedAt.Equal(out.CreatedAt) || out.CreatedAt.Location() != time.UTC {
					w.Errorf("added: %+v", out)
				}
				in.ID, in.CreatedAt, in.UpdatedAt = out.ID, out.CreatedAt, out.UpdatedAt
				w.same("as returned", in, out)
				w.same("as read", in, w.wallet(out.ID))
			}
		},

		"one address is one wallet of a chain": func(w *world) {
			first := w.add(hot("0xa"))
			second := elsewhere("0xa")
			w.updateFails(func(tx store.Tx) error { _, err := tx.AddWallet(w.ctx, second); return err }, store.ErrExists)
			second.ChainID = 2
			if w.add(second).ID == first.ID {
				w.Error("two wallets have one id")
			}
		},

		"ids are never used again": func(w *world) {
			id := w.hot().ID
			if err := w.exec(fmt.Sprintf("DELETE FROM internal_wallets WHERE id = %d", id)); err != nil {
				w.Fatal(err)
			}
			if next := w.hot().ID; next <= id {
				w.Errorf("the wallet after %d got id %d", id, next)
			}
		},

		"a filter selects, by id": func(w *world) {
			a, c := w.add(hot("0xa")), w.add(elsewhere("0xc"))
			cold := elsewhere("0xa")
			cold.ChainID, cold.WalletType, cold.Active = 0, "cold", false
			cold.ChainType = "btc"
			b := w.add(cold)
			yes, no, zero, chain := true, false, int64(0), int64(31337)
			for _, f := range []struct {
				filter store.WalletFilter
				want   []int64
			}{
				{store.WalletFilter{}, []int64{a.ID, c.ID, b.ID}},
				{store.WalletFilter{IDs: []int64{c.ID, a.ID}}, []int64{a.ID, c.ID}},
				{store.WalletFilter{Address: "0xa"}, []int64{a.ID, b.ID}},
				{store.WalletFilter{Addresses: []string{"0xc", "0xa", "0xnobody"}, ChainType: "evm"}, []int64{a.ID, c.ID}},
				{store.WalletFilter{Addresses: []string{}}, nil},
				{store.WalletFilter{ChainType: "btc"}, []int64{b.ID}},
				{store.WalletFilter{ChainID: &zero}, []int64{b.ID}},
				{store.WalletFilter{ChainID: &chain, Address: "0xc"}, []int64{c.ID}},
				{store.WalletFilter{WalletType: "cold"}, []int64{b.ID}},
				{store.WalletFilter{Active: &yes}, []int64{a.ID, c.ID}},
				{store.WalletFilter{Active: &no}, []int64{b.ID}},
				{store.WalletFilter{Address: "0xnobody"}, nil},
			} {
				ids := func(ws []store.Wallet, err error) ([]int64, error) {
					var out []int64
					for _, x := range ws {
						out = append(out, x.ID)
					}
					return out, err
				}
				w.same(fmt.Sprintf("Wallets(%+v)", f.filter), f.want,
					read(w, func(r store.Reader) ([]int64, error) { return ids(r.Wallets(w.ctx, f.filter)) }))
				w.update(func(tx store.Tx) error {
					got, err := ids(tx.LockWallets(w.ctx, f.filter))
					w.same(fmt.Sprintf("LockWallets(%+v)", f.filter), f.want, got)
					return err
				})
			}
		},

		"every change moves updated_at, and only that": func(w *world) {
			before := w.hot()
			changes := map[string]func(tx store.Tx) error{
				"SetActive":   func(tx store.Tx) error { return tx.SetActive(w.ctx, before.ID, false) },
				"MoveCursors": func(tx store.Tx) error { return tx.MoveCursors(w.ctx, moves(before.ID, before.Nonce, 5)) },
				"Reserve": func(tx store.Tx) error {
					return tx.Reserve(w.ctx, store.ReservePlan{Cursors: []store.CursorMove{{WalletID: before.ID, From: before.Nonce, To: 6}}})
				},
			}
			for _, name := range []string{"SetActive", "MoveCursors", "Reserve"} {
				w.update(changes[name])
				after := w.wallet(before.ID)
				if !after.UpdatedAt.After(before.UpdatedAt) || !after.CreatedAt.Equal(before.CreatedAt) {
					w.Errorf("%s: times %v %v → %v %v", name, before.CreatedAt, before.UpdatedAt, after.CreatedAt, after.UpdatedAt)
				}
				before = after
			}
			if before.Active || before.Nonce != 6 {
				w.Errorf("at the end: %+v", before)
			}
		},

		"a change of what is not there or not so is stale": func(w *world) {
			id := w.hot().ID
			w.updateFails(func(tx store.Tx) error { return tx.SetActive(w.ctx, id+1, true) }, store.ErrStale)
			w.updateFails(func(tx store.Tx) error { return tx.MoveCursors(w.ctx, moves(id, 3, 4)) }, store.ErrStale)
			w.updateFails(func(tx store.Tx) error { return tx.MoveCursors(w.ctx, moves(id+1, 0, 1)) }, store.ErrStale)
			if got := w.wallet(id).Nonce; got != 0 {
				w.Errorf("the cursor is %d", got)
			}
		},

		"many cursors move at once, or none": func(w *world) {
			a, b := w.hot().ID, w.hot().ID
			both := append(moves(b, 0, 7), moves(a, 0, 1<<53)...)
			w.updateFails(func(tx store.Tx) error { return tx.MoveCursors(w.ctx, append(moves(a, 0, 1), moves(b, 1, 2)...)) }, store.ErrStale)
			w.update(func(tx store.Tx) error { return tx.MoveCursors(w.ctx, both) })
			w.update(func(tx store.Tx) error { return tx.MoveCursors(w.ctx, nil) })
			w.same("cursors", []uint64{1 << 53, 7}, []uint64{w.wallet(a).Nonce, w.wallet(b).Nonce})
		},

		"the clock is UTC, in microseconds, and near": func(w *world) {
			now := w.now()
			if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
				w.Errorf("Now = %v", now)
			}
		},
	})
}
