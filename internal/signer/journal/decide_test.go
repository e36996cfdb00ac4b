package journal

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/signing"
)

func TestTheDecisionAboutAnIntent(t *testing.T) {
	pay := payment(7, "p-1", "1")
	fill := gapFill(7)
	other := signing.Digest{1}
	here, elsewhere := PlaceOf(pay, nil), PlaceOf(payment(8, "p-1", "1"), nil)
	taken := &Taken{Slot: here.number(), Digest: other}
	malformed := &signing.Refusal{Kind: signing.RefusedForGood, Code: "malformed", Reason: "a payment of nothing"}
	ours := Facts{Held: true, KeyLedger: ledger, Place: here}
	with := func(change func(*Facts)) Facts {
		f := ours
		change(&f)
		return f
	}
	type want struct {
		Verdict Verdict
		Kind    signing.RefusalKind
		Code    string
	}
	for _, c := range []struct {
		name   string
		intent signing.Intent
		facts  Facts
		want   want
	}{
		{"a payment at a fresh nonce", pay, ours, want{Verdict: Sign}},
		{"a gap fill at a fresh nonce", fill, ours, want{Verdict: Sign}},
		{"a digest that has its answer", pay, Facts{Answered: true, Malformed: malformed, Taken: taken}, want{Verdict: Again}},
		{"a malformed intent", pay, with(func(f *Facts) { f.Malformed = malformed }), want{Refuse, signing.RefusedForGood, "malformed"}},
		{"a key that is elsewhere", pay, Facts{}, want{Refuse, signing.RefusedForGood, "not_this_key"}},
		{"a key of another ledger", pay, Facts{Held: true, KeyLedger: "other"}, want{Refuse, signing.RefusedAsConflict, "other_ledger"}},
		{"a key of another kind of network", pay, with(func(f *Facts) { f.Elsewhere = true }), want{Refuse, signing.RefusedForGood, "other_network"}},
		{"a payment signed at another nonce", pay, with(func(f *Facts) { f.PaidAt = &elsewhere }), want{Refuse, signing.RefusedAsConflict, "payment_bound"}},
		{"a payment signed at another nonce, at a taken one", pay, with(func(f *Facts) { f.PaidAt, f.Taken = &elsewhere, taken }), want{Refuse, signing.RefusedAsConflict, "payment_bound"}},
		{"another payload of the same payment", pay, with(func(f *Facts) { f.PaidAt, f.Taken = &here, taken }), want{Refuse, signing.RefusedAsConflict, "nonce_bound"}},
		{"a payment at a nonce that another has", pay, with(func(f *Facts) { f.Taken = taken }), want{Refuse, signing.RefusedAsConflict, "nonce_bound"}},
		{"a gap fill at a nonce that has a payload", fill, with(func(f *Facts) { f.Taken = taken }), want{Refuse, signing.RefusedAsConflict, "nonce_bound"}},
	} {
		d := Decide(c.intent, c.facts)
		got := want{Verdict: d.Verdict}
		if d.Refusal != nil {
			got.Kind, got.Code = d.Refusal.Kind, d.Refusal.Code
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestARefusalSaysWhatIsInTheWay(t *testing.T) {
	elsewhere := PlaceOf(payment(8, "p-1", "1"), nil)
	d := Decide(payment(7, "p-1", "1"), Facts{Held: true, KeyLedger: ledger, PaidAt: &elsewhere})
	if want := `payment "p-1" is signed at nonce 8 of ` + from + ` on evm 1`; d.Refusal.Reason != want {
		t.Errorf("reason %q, want %q", d.Refusal.Reason, want)
	}
}
