package postgres

import (
	"context"
	"strings"

	"coffer.internal/internal/store"
)

// Record appends audit rows. They wait for the next statement or the commit.
func (t *tx) Record(_ context.Context, rows []store.AuditRow) error {
	if len(rows) > 0 {
		t.queue = append(t.queue, step{text: queries["audit_add"], args: auditColumns(rows)})
	}
	return nil
}

func auditColumns(rows []store.AuditRow) []any {
	return []any{
		column(rows, func(a store.AuditRow) string { return a.Actor }),
		column(rows, func(a store.AuditRow) string { return a.Action }),
		column(rows, func(a store.AuditRow) string { return a.Subject }),
		column(rows, func(a store.AuditRow) string { return a.Before }),
		column(rows, func(a store.AuditRow) string { return a.After }),
		column(rows, func(a store.AuditRow) string { return a.Result }),
		column(rows, func(a store.AuditRow) string { return a.Reason }),
		column(rows, func(a store.AuditRow) string { return a.Signed }),
	}
}

// Audit lists audit rows, newest first.
func (r *reader) Audit(_ context.Context, f store.AuditFilter) ([]store.AuditRow, error) {
	family := strings.HasSuffix(f.Action, ".")
	order := "id DESC"
	if f.OldestFirst {
		order = "id"
	}
	text, args := where("audit").
		and(f.Action != "" && !family, "action = ?", f.Action).
		and(family, "starts_with(action, ?)", f.Action).
		and(f.Subject != "", "subject = ?", f.Subject).
		and(f.BeforeID > 0, "id < ?", f.BeforeID).
		and(f.AfterID > 0, "id > ?", f.AfterID).
		and(f.Actor != "", "starts_with(actor, ?)", f.Actor).
		and(f.Result != "", "result = ?", f.Result).
		and(!f.Since.IsZero(), "at >= ?", f.Since).
		and(!f.Until.IsZero(), "at < ?", f.Until).
		order(order, f.Limit)
	return rows(r, text, scanAudit, args...)
}
