package policy

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coffer.internal/signing"
)

func TestAPaymentWantsTheAuthorizationsThatItsRuleNames(t *testing.T) {
	p := policyOf(t, withdrawRule("authorized_by = { service = 1, risk = 1 }\nofficers_above = 1000\nofficers = 2"))
	above := changed(func(i *signing.Intent) { i.EVM.Amount = "1001" })
	for _, c := range []struct {
		name string
		q    Question
		want string
	}{
		{"both", question(payment(), service, risk), ""},
		{"none", question(payment()), "authorization_missing"},
		{"one", question(payment(), service), "authorization_missing"},
		{"the other one", question(payment(), risk), "authorization_missing"},
		{"officers instead", question(payment(), anna, bert), "authorization_missing"},
		{"a key that nobody knows", question(payment(), nobody, risk), "authorization_missing"},
		{"more than are wanted", question(payment(), nobody, service, risk, anna), ""},
		{"above, without officers", question(above, service, risk), "authorization_missing"},
		{"above, with one officer", question(above, service, risk, anna), "authorization_missing"},
		{"above, with one officer twice", question(above, service, risk, anna, anna), "officer_twice"},
		{"above, with two officers", question(above, service, risk, anna, bert), ""},
		{"above, officers alone", question(above, anna, bert), "authorization_missing"},
		{"the service twice", question(payment(), service, service), "authorization_missing"},
	} {
		v := p.Judge(c.q)
		if code(v) != c.want || v.Refusal != nil && v.Refusal.Kind != signing.RefusedForNow {
			t.Errorf("%s: %+v, want %q", c.name, v.Refusal, c.want)
		}
	}
}

func TestAnAuthorizationIsForThisPaymentAndForNow(t *testing.T) {
	p := policyOf(t, withdrawRule("authorized_by = { service = 1 }"))
	for _, c := range []struct {
		name   string
		change func(*signing.Authorization)
		want   string
	}{
		{"as it should be", func(*signing.Authorization) {}, ""},
		{"another recipient", func(a *signing.Authorization) { a.To = from }, "authorization_differs"},
		{"another amount", func(a *signing.Authorization) { a.Amount = "1001" }, "authorization_differs"},
		{"another payment", func(a *signing.Authorization) { a.Payment = "w-2" }, "authorization_differs"},
		{"another ledger", func(a *signing.Authorization) { a.Ledger = "ledger-2" }, "authorization_differs"},
		{"another chain", func(a *signing.Authorization) { a.ChainID = 2 }, "authorization_differs"},
		{"a token", func(a *signing.Authorization) { a.Asset = usdt }, "authorization_differs"},
		{"expiring in a second", func(a *signing.Authorization) { a.Expires = now.Add(time.Second) }, ""},
		{"expiring now", func(a *signing.Authorization) { a.Issued, a.Expires = now.Add(-time.Hour), now }, "authorization_expired"},
		{"expired", func(a *signing.Authorization) { a.Issued, a.Expires = now.Add(-time.Hour), now.Add(-time.Second) }, "authorization_expired"},
		{"expired before it was issued", func(a *signing.Authorization) { a.Issued, a.Expires = now.Add(2*time.Second), now.Add(time.Second) }, "authorization_expired"},
		{"five minutes ahead", func(a *signing.Authorization) { a.Issued = now.Add(5 * time.Minute) }, ""},
		{"from the future", func(a *signing.Authorization) { a.Issued = now.Add(5*time.Minute + time.Second) }, "authorization_from_the_future"},
		{"no cap", func(a *signing.Authorization) { a.MaxFee = "" }, "authorization_unreadable"},
		{"a negative cap", func(a *signing.Authorization) { a.MaxFee = "-1" }, "authorization_unreadable"},
		{"a cap in another form", func(a *signing.Authorization) { a.MaxFee = "0210000" }, "authorization_unreadable"},
		{"a cap below the fee", func(a *signing.Authorization) { a.MaxFee = fmt.Sprint(fee - 1) }, "fee_above_authorization"},
	} {
		q := question(payment())
		q.Authorizations = []signing.SignedAuthorization{authorized(payment(), service, c.change)}
		v := p.Judge(q)
		if code(v) != c.want || v.Refusal != nil && v.Refusal.Kind != signing.RefusedForNow {
			t.Errorf("%s: %+v, want %q", c.name, v.Refusal, c.want)
		}
		// A bad one does no harm beside a good one.
		q.Authorizations = append(q.Authorizations, authorized(payment(), service))
		wantCode(t, p.Judge(q), "")
	}
	q := question(payment(), service)
	q.Unreadable = "three parts"
	wantCode(t, p.Judge(q), "authorization_unreadable")
}

func TestAPaymentIsBoundWithTheLowestCapThatWasNeeded(t *testing.T) {
	p := policyOf(t, withdrawRule("authorized_by = { service = 1, officer = 1 }"))
	capped := func(key byte, most int) signing.SignedAuthorization {
		return authorized(payment(), key, func(a *signing.Authorization) { a.MaxFee = fmt.Sprint(most) })
	}
	q := question(payment())
	q.Authorizations = []signing.SignedAuthorization{capped(anna, fee+1), capped(service, fee+9), capped(bert, fee+2), capped(anna, fee+3)}
	v := p.Judge(q)
	want := Bound{MaxFee: fmt.Sprint(fee + 3), Keys: []string{signing.Fingerprint(publicOf(service)), signing.Fingerprint(publicOf(anna))}}
	if code(v) != "" || v.Bound.MaxFee != want.MaxFee || !slices.Equal(v.Bound.Keys, want.Keys) {
		t.Errorf("%+v %+v", v.Refusal, v.Bound)
	}
	free := policyOf(t, withdrawRule(`authorized_by = "nobody"`)).Judge(q)
	if free.Bound.MaxFee != "" || free.Bound.Keys != nil {
		t.Errorf("nobody was wanted: %+v", free.Bound)
	}
}

func TestAPaymentThatIsBoundWantsNoAuthorizationWithinItsCap(t *testing.T) {
	p := policyOf(t, withdrawRule("authorized_by = { service = 1 }"))
	ask := func(most string) string {
		q := question(payment())
		q.Bound, q.Before, q.Unreadable = &Bound{MaxFee: most}, &Cost{big.NewInt(1000), big.NewInt(1)}, "not looked at"
		return code(p.Judge(q))
	}
	for most, want := range map[string]string{
		fmt.Sprint(fee): "", fmt.Sprint(fee - 1): "fee_above_authorization", "": "", "x": "fee_above_authorization",
	} {
		if got := ask(most); got != want {
			t.Errorf("bound with %q: %q", most, got)
		}
	}
}

// Whatever comes along: it is permitted only if there are enough good authorizations of different keys, and bound with a cap that each of
// those needed is at or above.
func TestNothingButEnoughGoodAuthorizationsPermitsAPayment(t *testing.T) {
	p := policyOf(t, withdrawRule("authorized_by = { service = 1, risk = 1, officer = 2 }"))
	flaws := []func(*signing.Authorization){
		func(*signing.Authorization) {}, func(*signing.Authorization) {},
		func(a *signing.Authorization) { a.Amount = "999" },
		func(a *signing.Authorization) { a.Expires = now },
		func(a *signing.Authorization) { a.Issued = now.Add(time.Hour) },
		func(a *signing.Authorization) { a.MaxFee = "" },
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := question(payment())
		best := map[byte]int{}
		for range rapid.IntRange(0, 8).Draw(rt, "tokens") {
			key := rapid.SampledFrom([]byte{service, risk, anna, bert, nobody}).Draw(rt, "key")
			flaw := rapid.IntRange(0, len(flaws)-1).Draw(rt, "flaw")
			most := fee + rapid.IntRange(-2, 2).Draw(rt, "cap")
			q.Authorizations = append(q.Authorizations, authorized(payment(), key, func(a *signing.Authorization) { a.MaxFee = fmt.Sprint(most) }, flaws[flaw]))
			if flaw < 2 {
				best[key] = max(best[key], most)
			}
		}
		lowest := min(best[service], best[risk], best[anna], best[bert])
		v := p.Judge(q)
		if permitted := v.Refusal == nil; permitted != (lowest >= fee) || permitted && v.Bound.MaxFee != fmt.Sprint(lowest) {
			rt.Fatalf("%+v %+v, best %v", v.Refusal, v.Bound, best)
		}
	})
}
