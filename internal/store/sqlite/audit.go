package sqlite

import (
	"context"
	"strings"

	"coffer.internal/internal/store"
)

// Record appends audit rows.
func (t *tx) Record(_ context.Context, rows []store.AuditRow) error { return t.record(rows) }

func (t *tx) record(rows []store.AuditRow) error {
	if len(rows) == 0 {
		return nil
	}
	lines := make([][]any, len(rows))
	for i, a := range rows {
		lines[i] = []any{a.Actor, a.Action, a.Subject, a.Before, a.After, a.Result, a.Reason, a.Signed}
	}
	_, err := t.exec(queries["audit_add"], list(lines), text(t.now))
	return err
}

// Audit lists audit rows, newest first.
func (r *reader) Audit(_ context.Context, f store.AuditFilter) ([]store.AuditRow, error) {
	family := strings.HasSuffix(f.Action, ".")
	since, until, order := text(f.Since), text(f.Until), "id DESC"
	if f.OldestFirst {
		order = "id"
	}
	text, args := where("audit").
		and(f.Action != "" && !family, "action = ?", f.Action).
		and(family, "action LIKE ? || '%'", f.Action).
		and(f.Subject != "", "subject = ?", f.Subject).
		and(f.BeforeID > 0, "id < ?", f.BeforeID).
		and(f.AfterID > 0, "id > ?", f.AfterID).
		and(f.Actor != "", "instr(actor, ?) = 1", f.Actor).
		and(f.Result != "", "result = ?", f.Result).
		and(!f.Since.IsZero(), "at >= ?", since).
		and(!f.Until.IsZero(), "at < ?", until).
		order(order, f.Limit)
	return rows(r, text, scanAudit, args...)
}
