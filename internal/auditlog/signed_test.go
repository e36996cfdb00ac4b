package auditlog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/operators/operatortest"
	"coffer.internal/internal/store"
)

// What was sealed before rows could be signed has the same leaf as then.
func TestARowThatNobodySignedHasTheBytesThatItAlwaysHad(t *testing.T) {
	row := store.AuditRow{
		ID: 7, At: time.Date(2026, 11, 1, 2, 3, 4, 5000, time.UTC), Actor: "me@here 1", Action: "wallet.create", Subject: "evm 1 0xa", After: "hot <&>",
		Result: store.ResultDone,
	}
	const was = `{"id":7,"at":"2026-11-01T02:03:04.000005Z","actor":"me@here 1","action":"wallet.create","subject":"evm 1 0xa","before":"","after":"hot <&>","result":"done","reason":""}`
	if got := string(auditlog.Encode(row)); got != was {
		t.Errorf("it is encoded as\n%s, and was\n%s", got, was)
	}
	row.Signed = "[]"
	got := auditlog.Encode(row)
	if want := strings.TrimSuffix(was, "}") + `,"signed":"[]"}`; string(got) != want {
		t.Errorf("signed, it is encoded as %s", got)
	}
	if back, err := auditlog.Decode(got); err != nil || back != row {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestASignatureThatIsNotWhatItSaysIsFound(t *testing.T) {
	onBoth(t, func(w *world) {
		alice := operatortest.New(w.T, "alice")
		kept, fingerprint, err := operators.ParseKey(alice.Public())
		if err != nil {
			w.Fatal(err)
		}
		var named []store.Operator
		w.change(func(tx store.Tx) error {
			if err := tx.AddOperator(w.Context(), store.Operator{Name: "alice", Role: "operator", Key: kept, Fingerprint: fingerprint}); err != nil {
				return err
			}
			named, err = tx.Operators(w.Context())
			return err
		})
		self, err := operators.Choose(w.Context(), named, alice, "")
		if err != nil {
			w.Fatal(err)
		}
		id, err := w.db.Ledger(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		signed, err := self.Sign(w.Context(), operators.NewStatement(id, operators.Do, "alice", operators.Act{Verb: operators.ClearCache}, "", time.Now()))
		if err != nil {
			w.Fatal(err)
		}
		row := store.AuditRow{Actor: operators.Title(named[0]), Action: "cache.clear", Subject: "cache", Result: store.ResultDone, Signed: operators.Encode([]operators.Signed{signed})}
		other := row
		other.Signed = strings.Replace(row.Signed, "clear_cache", "recover", 1)
		w.change(func(tx store.Tx) error { return tx.Record(w.Context(), []store.AuditRow{row, other}) })
		if got := kinds(w.verify()); got != "forged" { // while it waits to be sealed
			w.Errorf("found: %s", got)
		}
		w.seal()
		v := w.verify()
		if got := kinds(v); got != "forged" || v.Findings[0].Entry != v.Entries-1 {
			w.Errorf("found: %+v", v.Findings)
		}
	})
}

func kinds(v auditlog.Verdict) string {
	all := make([]string, len(v.Findings))
	for i, f := range v.Findings {
		all[i] = f.Kind
	}
	return fmt.Sprint(strings.Join(all, " "))
}

func (w *world) change(fn func(store.Tx) error) {
	w.Helper()
	if err := w.db.Update(w.Context(), fn); err != nil {
		w.Fatal(err)
	}
}
