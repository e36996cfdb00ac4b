package storetest

import (
	"errors"
	"slices"
	"testing"

	"coffer.internal/internal/store"
)

func testFill(t *testing.T, h Harness) {
	// from makes a ledger with everything in it.
	from := func(w *world) map[string][][]any {
		other := newWorld(w.T, w.h)
		other.furnish()
		rows := read(other, func(r store.Reader) ([]store.AuditRow, error) { return r.Unsealed(w.ctx, 1) })
		other.update(func(tx store.Tx) error { return tx.Seal(w.ctx, sealed(0, rows)) })
		return contents(other)
	}
	fill := func(w *world, all map[string][][]any) error {
		return w.db.Update(w.ctx, func(tx store.Tx) error {
			return tx.Fill(w.ctx, func(put store.Put) error {
				for _, t := range store.Tables() {
					for rows := range slices.Chunk(all[t.Name], 3) {
						if err := put(t, rows); err != nil {
							return err
						}
					}
				}
				return nil
			})
		})
	}
	tests(t, h, map[string]func(*world){
		"a ledger that is filled is the other one, with every row of it": func(w *world) {
			all := from(w)
			before, err := w.db.Ledger(w.ctx)
			if err != nil {
				w.Fatal(err)
			}
			if err := fill(w, all); err != nil {
				w.Fatal(err)
			}
			for _, t := range store.Tables() {
				if len(all[t.Name]) == 0 && t.Name != "inbox" {
					w.Errorf("table %s has no row, so nothing is known about it: have Furnish make one", t.Name)
				}
			}
			w.same("contents", all, contents(w))
			id, err := w.db.Ledger(w.ctx)
			if err != nil || id == before || id != all["ledger"][0][1] {
				w.Errorf("its id is %s, and was %s: %v", id, before, err)
			}
		},

		"it goes on with the next numbers, and triggers run again": func(w *world) {
			all := from(w)
			if err := fill(w, all); err != nil {
				w.Fatal(err)
			}
			highest := func(table string) int64 { rows := all[table]; return rows[len(rows)-1][0].(int64) }
			wallet := w.add(hot("0xnew"))
			if wallet.ID <= highest("internal_wallets") {
				w.Errorf("a new wallet has id %d", wallet.ID)
			}
			n := w.assign(wallet.ID, "p-new", w.future())
			if id := w.ask(n); id <= highest("attempts") {
				w.Errorf("a new attempt has id %d", id)
			}
			if seq := w.withdrawal("p-new").Seq; seq <= highest("withdrawals") {
				w.Errorf("a new withdrawal has number %d", seq)
			}
			es := read(w, func(r store.Reader) ([]store.Event, error) {
				return r.Events(w.ctx, store.EventFilter{Payments: []string{"p-new"}})
			})
			if len(es) != 3 || es[0].ID <= highest("events") {
				w.Fatalf("its events: %+v", es) // no trigger runs
			}
			settled := w.settled(store.EventFilter{}, len(all["events"])+3)
			if len(settled) != len(all["events"])+3 {
				w.Errorf("%d events are settled, of %d and 3", len(settled), len(all["events"]))
			}
			w.reserve(wallet.ID, "r-new", w.future())
			if got := w.load(wallet.ID).Reserved; got != 1 { // which a trigger counts
				w.Errorf("%d nonces are reserved", got)
			}
			w.update(func(tx store.Tx) error {
				return tx.Record(w.ctx, []store.AuditRow{{Actor: "me", Action: "a", Subject: "new", Result: store.ResultDone}})
			})
			waits := read(w, func(r store.Reader) ([]store.AuditRow, error) { return r.Unsealed(w.ctx, 100) })
			if n := len(waits); n == 0 || waits[n-1].Subject != "new" || waits[n-1].ID <= highest("audit_log") {
				w.Errorf("audit rows that wait: %+v", waits)
			}
			for _, statement := range []string{"DELETE FROM audit_log", "UPDATE ledger SET id = id", "DELETE FROM ledger", "UPDATE events SET detail = ''"} {
				if err := w.exec(statement); err == nil {
					w.Errorf("%s: goes through", statement)
				}
			}
		},

		"one that has anything is not filled": func(w *world) {
			all := from(w)
			w.hot()
			before := contents(w)
			if err := fill(w, all); !errors.Is(err, store.ErrNotEmpty) {
				w.Errorf("Fill = %v", err)
			}
			w.same("contents", before, contents(w))
		},

		"what was refused before it was filled stays on record, and waits to be sealed": func(w *world) {
			all := from(w)
			w.update(func(tx store.Tx) error {
				return tx.Record(w.ctx, []store.AuditRow{
					{Actor: "me", Action: "restore", Subject: "first", Result: store.ResultRefused}, {Actor: "me", Action: "restore", Subject: "second", Result: store.ResultRefused},
				})
			})
			if err := fill(w, all); err != nil {
				w.Fatal(err)
			}
			rows := read(w, func(r store.Reader) ([]store.AuditRow, error) {
				return r.Audit(w.ctx, store.AuditFilter{OldestFirst: true})
			})
			n := len(all["audit_log"])
			if len(rows) != n+2 || rows[n].Subject != "first" || rows[n+1].Subject != "second" || rows[n].ID != rows[n-1].ID+1 {
				w.Errorf("audit rows: %+v", rows)
			}
			tree := read(w, func(r store.Reader) (store.AuditTree, error) { return r.AuditTree(w.ctx) })
			if tree.Unsealed != len(all["audit_unsealed"])+2 {
				w.Errorf("%d rows wait, of %d and 2", tree.Unsealed, len(all["audit_unsealed"]))
			}
		},

		"what fails half-way leaves nothing": func(w *world) {
			before := contents(w)
			broken := errors.New("the file ends here")
			err := w.db.Update(w.ctx, func(tx store.Tx) error {
				return tx.Fill(w.ctx, func(put store.Put) error {
					t := store.Tables()[0]
					if err := put(t, [][]any{{int64(1), "00112233445566778899aabbccddeeff", w.now()}}); err != nil {
						return err
					}
					return broken
				})
			})
			if !errors.Is(err, broken) {
				w.Errorf("Fill = %v", err)
			}
			w.same("contents", before, contents(w))
			if err := w.exec("DELETE FROM ledger"); err == nil {
				w.Error("what is forbidden is allowed now")
			}
			w.hot()
		},

		"a column that is not put has what a new row has": func(w *world) {
			all := from(w)
			err := w.db.Update(w.ctx, func(tx store.Tx) error {
				return tx.Fill(w.ctx, func(put store.Put) error {
					for _, t := range store.Tables() {
						rows := all[t.Name]
						if i := t.Column("unauthorized"); i >= 0 {
							for n, row := range rows {
								rows[n] = slices.Delete(slices.Clone(row), i, i+1)
							}
							t.Columns = slices.Delete(slices.Clone(t.Columns), i, i+1)
						}
						if err := put(t, rows); err != nil {
							return err
						}
					}
					return nil
				})
			})
			if err != nil {
				w.Fatal(err)
			}
			if got := w.withdrawal("authorized").Unauthorized; got != "" {
				w.Errorf("unauthorized: %q", got)
			}
		},
	})
}
