package storetest

import (
	"bytes"
	"testing"

	"coffer.internal/internal/store"
)

// sealed is a seal of rows from an entry on. Its nodes are made up: the tree's meaning is not the database's business.
func sealed(from int64, rows []store.AuditRow) store.AuditSeal {
	s := store.AuditSeal{From: from, FirstNode: 10 * from, Note: "signed"}
	for i, r := range rows {
		s.Rows = append(s.Rows, r.ID)
		s.Nodes = append(s.Nodes, bytes.Repeat([]byte{byte(i)}, 32))
	}
	return s
}

func testAuditTree(t *testing.T, h Harness) {
	waiting := func(w *world, limit int) []store.AuditRow {
		return read(w, func(r store.Reader) ([]store.AuditRow, error) { return r.Unsealed(w.ctx, limit) })
	}
	size := func(w *world) int64 {
		return read(w, func(r store.Reader) (int64, error) { return r.AuditSize(w.ctx) })
	}
	begin := func(w *world) {
		w.update(func(tx store.Tx) error {
			return tx.Record(w.ctx, []store.AuditRow{
				{Actor: "me", Action: "a", Subject: "1", Result: store.ResultDone}, {Actor: "me", Action: "a", Subject: "2", Result: store.ResultDone},
			})
		})
	}
	tests(t, h, map[string]func(*world){
		"a row waits until it is sealed": func(w *world) {
			begin(w)
			rows := waiting(w, 10)
			w.update(func(tx store.Tx) error { return tx.Seal(w.ctx, sealed(0, rows[:1])) })
			tree := read(w, func(r store.Reader) (store.AuditTree, error) { return r.AuditTree(w.ctx) })
			if tree.Size != 1 || size(w) != 1 || tree.Unsealed != len(rows)-1 || !tree.OldestUnsealed.Equal(rows[1].At) {
				w.Errorf("tree: %+v", tree)
			}
			if got := waiting(w, 1); got[0].ID != rows[1].ID {
				w.Errorf("waits: %+v", got)
			}
		},

		"a tree that grew meanwhile is not sealed over": func(w *world) {
			begin(w)
			rows := waiting(w, 10)
			w.update(func(tx store.Tx) error { return tx.Seal(w.ctx, sealed(0, rows[:1])) })
			w.updateFails(func(tx store.Tx) error { return tx.Seal(w.ctx, sealed(0, rows[1:])) }, store.ErrStale)
			w.updateFails(func(tx store.Tx) error { return tx.Seal(w.ctx, sealed(2, rows[1:])) }, store.ErrStale)
			if size(w) != 1 || len(waiting(w, 10)) != len(rows)-1 {
				w.Errorf("%d entries, and %d rows wait", size(w), len(waiting(w, 10)))
			}
		},

		"a row that does not wait is not sealed": func(w *world) {
			begin(w)
			rows := waiting(w, 10)
			rows[0].ID = 4711
			w.updateFails(func(tx store.Tx) error { return tx.Seal(w.ctx, sealed(0, rows)) }, store.ErrStale)
			if size(w) != 0 {
				w.Errorf("%d entries", size(w))
			}
		},
	})
}
