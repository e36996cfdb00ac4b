package journal

import (
	"errors"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

func (w *world) freeze(reason string) Freeze {
	w.t.Helper()
	f, _, err := w.Freeze(w.t.Context(), FreezeCause{At: noon, By: "ops", Reason: reason})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func TestAFrozenJournalRecordsNothingAndMakesNoKeysAlsoAfterARestart(t *testing.T) {
	w := newWorld(t)
	signed := proposed(payment(0, "p", "1"))
	w.record(signed)
	w.freeze("odd requests")
	for _, when := range []string{"at once", "after a restart"} {
		for _, p := range []Proposal{signed, proposed(payment(1, "q", "1"))} {
			if a, err := w.Record(t.Context(), []Proposal{p}); fault.Code(err) != "frozen" || !errors.Is(err, fault.Unreachable) || a != nil {
				t.Errorf("%s: %v, %v", when, a, err)
			}
		}
		_, err := w.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}, func(string) (string, error) { return from, nil })
		if fault.Code(err) != "frozen" {
			t.Errorf("%s: a key: %v", when, err)
		}
		if s, err := w.Payment(t.Context(), ledger, "p"); err != nil || !s.Bound {
			t.Errorf("%s: what is known is still told: %+v, %v", when, s, err)
		}
		w.reopen()
	}
	if c, err := w.Counts(); err != nil || c.Signed != 1 || c.Keys != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if f, ok, err := w.Unfreeze(t.Context(), noon, "ops", Unapproved); err != nil || !ok || f.Reasons[0].Reason != "odd requests" {
		t.Errorf("%+v, %t, %v", f, ok, err)
	}
	w.record(proposed(payment(1, "q", "1")))
}

func TestAFurtherReasonIsAnotherFreeze(t *testing.T) {
	w := newWorld(t)
	first := w.freeze("one")
	if again := w.freeze("one"); again.ID != first.ID {
		t.Error("the same reason again is another freeze")
	}
	second := w.freeze("two")
	if second.ID == first.ID || !strings.Contains(second.String(), "one (ops, ") || !strings.Contains(second.String(), "two (ops, ") {
		t.Errorf("%+v after %+v", second, first)
	}
	var asked string
	if _, _, err := w.Unfreeze(t.Context(), noon, "ops", func(s string) ([]string, error) { asked = s; return nil, errors.New("no") }); err == nil {
		t.Error("it was unfrozen against the officers' word")
	}
	if _, frozen, err := w.Frozen(); !frozen || err != nil || asked != second.ID {
		t.Errorf("frozen %t, %v; approved was to be %q", frozen, err, asked)
	}
	if _, ok, err := w.Unfreeze(t.Context(), noon, "ops", func(string) ([]string, error) { return []string{"token"}, nil }); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if third := w.freeze("one"); third.ID == first.ID {
		t.Error("a later freeze for the same reason has the id of an old one: old approvals would end it")
	}
	if _, ok, err := w.Unfreeze(t.Context(), noon, "ops", Unapproved); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := w.Unfreeze(t.Context(), noon, "ops", func(string) ([]string, error) { return nil, errors.New("asked") }); ok || err != nil {
		t.Errorf("not frozen: %t, %v", ok, err)
	}
	acts, err := w.Acts()
	if err != nil {
		t.Fatal(err)
	}
	did := ""
	for _, a := range acts {
		did += " " + a.Action
	}
	if did != " freeze freeze unfreeze freeze unfreeze" || acts[2].Subject != second.ID || strings.Join(acts[2].Proof, "") != "token" {
		t.Errorf("%s\n%+v", did, acts)
	}
}

func TestAFreezeHasAReason(t *testing.T) {
	w := newWorld(t)
	for reason, code := range map[string]string{"": "usage", " \n": "usage", strings.Repeat("x", maxName+1): "long_reason"} {
		if _, _, err := w.Freeze(t.Context(), FreezeCause{At: noon, By: "ops", Reason: reason}); fault.Code(err) != code {
			t.Errorf("%q: %v", reason, err)
		}
	}
}

func TestAReleaseIsApprovedForThePlaceThatItCloses(t *testing.T) {
	w := newWorld(t)
	w.record(proposed(payment(7, "p/1#2", "1")))
	r := Release{Ledger: ledger, Payment: "p/1#2", At: noon, By: "ops", Reason: "x"}
	var asked string
	refused := errors.New("no")
	if _, _, _, err := w.Release(t.Context(), r, func(s string) ([]string, error) { asked = s; return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("released against the officers' word: %v", err)
	}
	if want := "ledger-1/p%2F1%232/evm/1/" + from + "/7"; asked != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if s, err := w.Payment(t.Context(), ledger, r.Payment); err != nil || s.Released {
		t.Errorf("%+v, %v", s, err)
	}
	if _, _, already, err := w.Release(t.Context(), r, func(string) ([]string, error) { return []string{"a", "b"}, nil }); already || err != nil {
		t.Errorf("%t, %v", already, err)
	}
	if _, _, already, err := w.Release(t.Context(), r, func(string) ([]string, error) { return nil, refused }); !already || err != nil {
		t.Errorf("said again, nobody is asked: %t, %v", already, err)
	}
}
