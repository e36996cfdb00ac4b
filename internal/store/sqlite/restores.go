package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"coffer.internal/internal/store"
)

// Restored is the newest restore.
func (r *reader) Restored(context.Context) (m store.RestoreMark, err error) {
	_, err = rows(r, queries["restored"], func(rs *sql.Rows, _ *struct{}) error {
		return rs.Scan(&m.ID, when{&m.At}, when{&m.TakenAt}, &m.Examined, &m.Paused)
	})
	return m, err
}

func scanRestore(rs *sql.Rows, x *store.Restore) error {
	var cursors []byte
	err := rs.Scan(&x.ID, when{&x.At}, when{&x.TakenAt}, &x.Digest, &x.Actor, &cursors, when{&x.ExaminedAt}, when{&x.AcceptedAt}, &x.AcceptedBy, &x.Reason)
	if err != nil {
		return err
	}
	return json.Unmarshal(cursors, &x.Cursors)
}

// Restores lists restores, newest first.
func (r *reader) Restores(context.Context) ([]store.Restore, error) {
	return rows(r, queries["restores"], scanRestore)
}

// Differences lists those of a restore.
func (r *reader) Differences(_ context.Context, restoreID int64) ([]store.Difference, error) {
	return rows(r, queries["restore_differences"], func(rs *sql.Rows, d *store.Difference) error {
		return rs.Scan(&d.Kind, &d.Subject, &d.ChainType, &d.ChainID, &d.Address, &d.Nonce, &d.Payment, &d.Detail, when{&d.At})
	}, restoreID)
}

// BeginRestore writes that the ledger was put back.
func (t *tx) BeginRestore(ctx context.Context, x store.Restore) (store.Restore, error) {
	if _, err := t.exec(queries["restore_begin"], text(t.now), text(x.TakenAt), x.Digest, x.Actor); err != nil {
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
	if len(ds) == 0 {
		return nil
	}
	lines := make([][]any, len(ds))
	for i, d := range ds {
		lines[i] = []any{d.Kind, d.Subject, d.ChainType, d.ChainID, d.Address, d.Nonce, d.Payment, d.Detail}
	}
	_, err := t.exec(queries["restore_note"], restoreID, list(lines), text(t.now))
	return err
}

// DropDifferences takes those of some kinds away.
func (t *tx) DropDifferences(_ context.Context, restoreID int64, kinds []string) error {
	_, err := t.exec(queries["restore_drop"], restoreID, list(kinds))
	return err
}

// FinishExamination writes that all was compared.
func (t *tx) FinishExamination(_ context.Context, restoreID int64) error {
	return t.one(fmt.Sprintf("finish the examination of restore %d", restoreID), queries["restore_examined"], restoreID, text(t.now))
}

// ResumeHeld queues what is held.
func (t *tx) ResumeHeld(_ context.Context, payments []string) ([]string, error) {
	held, err := rows(&t.reader, queries["held"], func(rs *sql.Rows, payment *string) error { return rs.Scan(payment) }, list(payments))
	if err != nil || len(held) == 0 {
		return nil, err
	}
	_, err = t.exec(queries["resume_held"], list(held), text(t.now))
	return held, err
}

// AcceptRestore ends the pause.
func (t *tx) AcceptRestore(ctx context.Context, restoreID int64, by, reason string) error {
	m, err := t.Restored(ctx)
	if err != nil {
		return err
	}
	if err := t.one(fmt.Sprintf("accept restore %d", restoreID), queries["restore_accept"], restoreID, text(t.now), by, reason); err != nil {
		return err
	}
	_, err = t.exec(queries["restore_fences"], m.FenceBase())
	return err
}
