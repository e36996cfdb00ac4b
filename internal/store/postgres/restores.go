package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanRestoreMark(rs pgx.Rows, m *store.RestoreMark) error {
	return rs.Scan(&m.ID, when{&m.At}, when{&m.TakenAt}, &m.Examined, &m.Paused)
}

// Restored is the newest restore.
func (r *reader) Restored(context.Context) (store.RestoreMark, error) {
	all, err := rows(r, queries["restored"], scanRestoreMark)
	if err != nil || len(all) == 0 {
		return store.RestoreMark{}, err
	}
	return all[0], nil
}

func scanRestore(rs pgx.Rows, x *store.Restore) error {
	var cursors string
	err := rs.Scan(&x.ID, when{&x.At}, when{&x.TakenAt}, &x.Digest, &x.Actor, &cursors, when{&x.ExaminedAt}, when{&x.AcceptedAt}, &x.AcceptedBy, &x.Reason)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(cursors), &x.Cursors)
}

// Restores lists restores, newest first.
func (r *reader) Restores(context.Context) ([]store.Restore, error) {
	return rows(r, queries["restores"], scanRestore)
}

// Differences lists those of a restore.
func (r *reader) Differences(_ context.Context, restoreID int64) ([]store.Difference, error) {
	return rows(r, queries["restore_differences"], func(rs pgx.Rows, d *store.Difference) error {
		return rs.Scan(&d.Kind, &d.Subject, &d.ChainType, &d.ChainID, &d.Address, &d.Nonce, &d.Payment, &d.Detail, when{&d.At})
	}, restoreID)
}

// BeginRestore writes that the ledger was put back.
func (t *tx) BeginRestore(ctx context.Context, x store.Restore) (store.Restore, error) {
	if err := t.run(step{text: queries["restore_begin"], args: []any{x.TakenAt, x.Digest, x.Actor}}); err != nil {
		return x, err
	}
	all, err := t.Restores(ctx)
	if err != nil {
		return x, err
	}
	return all[0], nil
}

// NoteDifferences writes differences.
func (t *tx) NoteDifferences(_ context.Context, restoreID int64, ds []store.Difference) error {
	type key struct{ kind, subject string }
	for _, run := range apart(ds, func(d store.Difference) key { return key{d.Kind, d.Subject} }) {
		t.later("restore_note", restoreID,
			column(run, func(d store.Difference) string { return d.Kind }),
			column(run, func(d store.Difference) string { return d.Subject }),
			column(run, func(d store.Difference) string { return d.ChainType }),
			column(run, func(d store.Difference) int64 { return d.ChainID }),
			column(run, func(d store.Difference) string { return d.Address }),
			column(run, func(d store.Difference) *uint64 { return d.Nonce }),
			column(run, func(d store.Difference) string { return d.Payment }),
			column(run, func(d store.Difference) string { return d.Detail }))
	}
	return nil
}

// DropDifferences takes those of some kinds away.
func (t *tx) DropDifferences(_ context.Context, restoreID int64, kinds []string) error {
	t.later("restore_drop", restoreID, kinds)
	return nil
}

// FinishExamination writes that all was compared.
func (t *tx) FinishExamination(_ context.Context, restoreID int64) error {
	return t.run(exactly(1, fmt.Sprintf("finish the examination of restore %d", restoreID), queries["restore_examined"], restoreID))
}

// ResumeHeld queues what is held.
func (t *tx) ResumeHeld(_ context.Context, payments []string) ([]string, error) {
	return rows(&t.reader, queries["resume_held"], func(rs pgx.Rows, payment *string) error { return rs.Scan(payment) }, payments)
}

// AcceptRestore ends the pause.
func (t *tx) AcceptRestore(ctx context.Context, restoreID int64, by, reason string) error {
	m, err := t.Restored(ctx)
	if err != nil {
		return err
	}
	return t.run(exactly(1, fmt.Sprintf("accept restore %d", restoreID), queries["restore_accept"], restoreID, by, reason),
		step{text: queries["restore_fences"], args: []any{m.FenceBase()}})
}
