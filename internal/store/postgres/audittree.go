package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// AuditTree reads how far the audit rows are in the tree.
func (r *reader) AuditTree(context.Context) (t store.AuditTree, err error) {
	_, err = rows(r, queries["audit_tree"], func(rs pgx.Rows, _ *struct{}) error {
		return rs.Scan(&t.Size, &t.Unsealed, when{&t.OldestUnsealed})
	})
	return t, err
}

// AuditSize reads how many entries the tree has.
func (r *reader) AuditSize(context.Context) (int64, error) {
	n, err := rows(r, queries["audit_size"], scanNumber)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

func scanAudit(rs pgx.Rows, a *store.AuditRow) error {
	return rs.Scan(&a.ID, when{&a.At}, &a.Actor, &a.Action, &a.Subject, &a.Before, &a.After, &a.Result, &a.Reason, &a.Signed)
}

// Unsealed lists the rows that are in no tree yet.
func (r *reader) Unsealed(_ context.Context, limit int) ([]store.AuditRow, error) {
	return rows(r, queries["audit_unsealed"], scanAudit, limit)
}

// AuditNodes reads nodes of the tree.
func (r *reader) AuditNodes(_ context.Context, nodes []int64) ([][]byte, error) {
	all, err := rows(r, queries["audit_nodes"], func(rs pgx.Rows, hash *[]byte) error { return rs.Scan(hash) }, nodes)
	if err == nil && len(all) != len(nodes) {
		err = r.fail(fmt.Errorf("read nodes of the audit tree: %w", store.ErrStale))
	}
	return all, err
}

// AuditEntries lists entries of the tree with their rows.
func (r *reader) AuditEntries(_ context.Context, from int64, limit int) (all []store.AuditEntry, err error) {
	page := query(&all, queries["audit_entries"], func(rs pgx.Rows, e *store.AuditEntry) error {
		var there bool
		var a store.AuditRow
		err := rs.Scan(&e.Entry, &e.RowID, &there, when{&a.At}, &a.Actor, &a.Action, &a.Subject, &a.Before, &a.After, &a.Result, &a.Reason, &a.Signed)
		if there {
			a.ID, e.Row = e.RowID, &a
		}
		return err
	}, from, limit)
	// Whoever reads the whole log reads hundreds of pages, and to start workers for one takes longer than the page.
	err = r.run(step{text: "SET LOCAL max_parallel_workers_per_gather = 0"}, page, step{text: "SET LOCAL max_parallel_workers_per_gather TO DEFAULT"})
	return all, err
}

// EntryOf finds the entry of an audit row.
func (r *reader) EntryOf(_ context.Context, rowID int64) (int64, bool, error) {
	all, err := rows(r, queries["audit_entry_of"], scanNumber, rowID)
	if err != nil || len(all) == 0 {
		return 0, false, err
	}
	return all[0], true, nil
}

func scanNumber(rs pgx.Rows, n *int64) error { return rs.Scan(n) }

// Strays lists audit rows that are neither in the tree nor wait to be.
func (r *reader) Strays(_ context.Context, limit int) ([]int64, error) {
	return rows(r, queries["audit_strays"], scanNumber, limit)
}

func scanCheckpoint(rs pgx.Rows, c *store.AuditCheckpoint) error {
	return rs.Scan(&c.Size, when{&c.At}, &c.Note)
}

// AuditCheckpoints lists checkpoints, smallest first.
func (r *reader) AuditCheckpoints(_ context.Context, from int64, limit int) ([]store.AuditCheckpoint, error) {
	text, args := where("audit_checkpoints").and(from > 0, "size >= ?", from).order("size", limit)
	return rows(r, text, scanCheckpoint, args...)
}

// LastAuditCheckpoint is the one with the greatest size.
func (r *reader) LastAuditCheckpoint(context.Context) (store.AuditCheckpoint, bool, error) {
	text, args := where("audit_checkpoints").order("size DESC", 1)
	all, err := rows(r, text, scanCheckpoint, args...)
	if err != nil || len(all) == 0 {
		return store.AuditCheckpoint{}, false, err
	}
	return all[0], true, nil
}

// Seal adds entries and their checkpoint.
func (t *tx) Seal(_ context.Context, s store.AuditSeal) error {
	what := fmt.Sprintf("seal the audit log from entry %d", s.From)
	return t.run(
		exactly(len(s.Rows), what, queries["audit_entries_add"], s.From, s.Rows),
		exactly(len(s.Rows), what, queries["audit_unsealed_drop"], s.Rows),
		step{text: queries["audit_nodes_add"], args: []any{s.FirstNode, s.Nodes}},
		step{text: queries["audit_checkpoint_add"], args: []any{s.From + int64(len(s.Rows)), s.Note}},
	)
}
