package withdrawal_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

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

// A machine that is loaded binds payments to their authorizations again, also those that have expired.
func TestAnExportCarriesTheAuthorizationsOfEachPayment(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		r := w.authorized(w.request("a"), time.Hour)
		_, _, err := w.desk.Submit(w.Context(), r)
		w.must(err)
		w.submit("b")
		w.pass("bind", "sign")
		var file bytes.Buffer
		_, err = withdrawal.Export(t.Context(), w.db, "", &file)
		w.must(err)
		got := map[string][]string{}
		w.must(signing.ReadExport(&file, func(_ int, l signing.ExportLine) error {
			if l.Attempt != nil {
				i, err := signing.Parse(l.Attempt.Intent)
				w.must(err)
				got[i.Payment] = l.Attempt.Authorizations
			}
			return nil
		}))
		if len(got) != 2 || !slices.Equal(got["a"], r.Authorizations) || len(got["b"]) != 0 {
			t.Errorf("%v, want %v for a", got, r.Authorizations)
		}
	})
}
