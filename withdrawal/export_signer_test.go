package withdrawal_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// What coffer holds of a machine is told whole: each attempt with its bytes or its refusal as it was given, so that receipts verify.
func TestAnExportTellsAllThatWasAskedFor(t *testing.T) {
	onBoth(t, 2, func(w *world) {
		if _, err := withdrawal.Export(t.Context(), w.db, "SHA256:nobody", &bytes.Buffer{}); fault.Code(err) != "no_such_device" {
			t.Errorf("nobody: %v", err)
		}
		signed := w.submit("a", "b", "c")
		w.pass("bind", "sign")
		w.submit("d")
		w.machine.refuse = func(i signing.Intent) *signing.Refusal {
			return &signing.Refusal{Kind: signing.RefusedAsConflict, Code: "payment_bound", Reason: "it is (elsewhere) bound"}
		}
		w.pass("bind", "sign")
		w.machine.refuse = nil
		w.submit("e")
		w.pass("bind") // asked for, and no answer; and the gap that the refused one left
		var file bytes.Buffer
		done, err := withdrawal.Export(t.Context(), w.db, "", &file)
		w.must(err)
		if done.Wallets != 2 || done.Attempts != 6 || done.Highest != 3 {
			t.Errorf("%+v", done)
		}
		st, err := w.journaling.Status(t.Context())
		w.must(err)
		bytesOf, refused, unanswered := 0, 0, 0
		w.must(signing.ReadExport(&file, func(_ int, l signing.ExportLine) error {
			if h := l.Header; h != nil && (h.Ledger != done.Ledger || h.Device != st.Device || h.MadeAt.IsZero()) {
				t.Errorf("header: %+v", h)
			}
			if x := l.Wallet; x != nil && (x.Path == "" || x.Mark > x.Cursor || x.Cursor == 0) {
				t.Errorf("wallet: %+v", x)
			}
			a := l.Attempt
			if a == nil {
				return nil
			}
			i, err := signing.Parse(json.RawMessage(a.Intent))
			w.must(err)
			switch {
			case len(a.Raw) > 0:
				bytesOf++
				if a.Seq == 0 || a.At.IsZero() || !bytes.Equal(a.Raw, w.attempt(i.Payment).Raw) {
					t.Errorf("%s: %+v", i.Payment, a)
				}
			case a.Refusal != nil:
				refused++
				if r := *a.Refusal; r.Kind != signing.RefusedAsConflict || r.Code != "payment_bound" || r.Reason != "it is (elsewhere) bound" {
					t.Errorf("the refusal is told as %+v", r)
				}
			default:
				unanswered++
			}
			return nil
		}))
		if bytesOf != len(signed) || refused != 1 || unanswered != 2 {
			t.Errorf("%d signed, %d refused, %d without an answer", bytesOf, refused, unanswered)
		}
	})
}
