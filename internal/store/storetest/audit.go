package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func (w *world) audit(f store.AuditFilter) []store.AuditRow {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.AuditRow, error) { return r.Audit(w.ctx, f) })
}

func testAudit(t *testing.T, h Harness) {
	rows := []store.AuditRow{
		{Actor: "me@here 1", Action: "wallet.create", Subject: "0xa", After: "hot", Result: store.ResultDone},
		{Actor: "me@here 1", Action: "wallet.activate", Subject: "0xa", Before: "0", After: "1", Result: store.ResultDone},
		{Actor: "me@here 1", Action: "walletry", Subject: "0xb", Result: store.ResultRefused, Reason: "no such thing"},
		{Actor: "me@here 1", Action: "nonce.reserve", Subject: "0xb", Result: store.ResultDone, Signed: "[{\"statement\":\"<&>\\n\"}]"},
	}
	record := func(w *world) {
		w.update(func(tx store.Tx) error { return tx.Record(w.ctx, rows[:2]) })
		w.update(func(tx store.Tx) error { return tx.Record(w.ctx, rows[2:]) })
	}
	tests(t, h, map[string]func(*world){
		"rows are listed newest first, timed by the store": func(w *world) {
			record(w)
			got := w.audit(store.AuditFilter{})
			w.same("rows", []store.AuditRow{rows[3], rows[2], rows[1], rows[0]}, got, cmpopts.IgnoreFields(store.AuditRow{}, "ID", "At"))
			for i, r := range got {
				if r.At.IsZero() || (i > 0 && r.ID >= got[i-1].ID) {
					w.Errorf("row: %+v", r)
				}
			}
		},

		"a filter selects": func(w *world) {
			record(w)
			third := w.audit(store.AuditFilter{})[1].ID
			for _, f := range []struct {
				filter store.AuditFilter
				want   string
			}{
				{store.AuditFilter{Action: "wallet.create"}, "wallet.create "},
				{store.AuditFilter{Action: "wallet."}, "wallet.activate wallet.create "},
				{store.AuditFilter{Action: "wallet"}, ""},
				{store.AuditFilter{Subject: "0xb"}, "nonce.reserve walletry "},
				{store.AuditFilter{Limit: 1}, "nonce.reserve "},
				{store.AuditFilter{BeforeID: third}, "wallet.activate wallet.create "},
				{store.AuditFilter{BeforeID: third, Limit: 1, Subject: "0xa"}, "wallet.activate "},
				{store.AuditFilter{AfterID: third, OldestFirst: true}, "nonce.reserve "},
				{store.AuditFilter{OldestFirst: true, Limit: 2}, "wallet.create wallet.activate "},
				{store.AuditFilter{Actor: "me@"}, "nonce.reserve walletry wallet.activate wallet.create "},
				{store.AuditFilter{Actor: "e@"}, ""},
				{store.AuditFilter{Result: store.ResultRefused}, "walletry "},
				{store.AuditFilter{Since: w.now().Add(-time.Hour), Until: w.now().Add(time.Hour), Limit: 1}, "nonce.reserve "},
				{store.AuditFilter{Since: w.now().Add(time.Hour)}, ""},
				{store.AuditFilter{Until: w.now().Add(-time.Hour)}, ""},
			} {
				got := ""
				for _, r := range w.audit(f.filter) {
					got += r.Action + " "
				}
				w.same(fmt.Sprintf("%+v", f.filter), f.want, got)
			}
		},

		"nobody changes or deletes a row": func(w *world) {
			record(w)
			before := w.audit(store.AuditFilter{})
			for _, statement := range []string{
				"UPDATE audit_log SET actor = 'somebody else'",
				"DELETE FROM audit_log",
				"UPDATE ledger SET id = '00000000000000000000000000000000'",
				"DELETE FROM ledger",
			} {
				if err := w.exec(statement); err == nil {
					w.Errorf("%s was done", statement)
				}
			}
			w.same("rows", before, w.audit(store.AuditFilter{}))
		},

		"a rolled back operation leaves no row": func(w *world) {
			w.updateFails(func(tx store.Tx) error {
				if err := tx.Record(w.ctx, rows); err != nil {
					return err
				}
				return tx.MoveCursors(w.ctx, moves(4711, 0, 1))
			}, store.ErrStale)
			if got := w.audit(store.AuditFilter{}); len(got) != 0 {
				w.Errorf("rows: %+v", got)
			}
		},
	})
}
