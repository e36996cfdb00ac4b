package policy

import (
	"fmt"
	"math/big"
	"slices"

	"coffer.internal/signing"
)

// asked is a question with what is worked out of it once.
type asked struct {
	Question
	rule     *rule
	to       string
	asset    string // as the file names it
	amount   *big.Int
	fee      *big.Int // the most that it can cost
	heard    []heard
	counters counters
}

// Case is a matter with what a policy makes of it whatever the time is and whatever is signed already. It is worked out once, and can be
// judged as often as need be, at different times: by one caller at a time.
type Case struct {
	asked
	policy  *Policy
	refusal *signing.Refusal // no rule is about it
}

// Case works out a matter.
func (p *Policy) Case(m Matter) *Case {
	c := &Case{policy: p}
	c.asked, c.refusal = p.ask(Question{Matter: m})
	return c
}

// Judge says what a policy makes of an intent. It looks at nothing but the question.
func (p *Policy) Judge(q Question) Verdict { return p.Case(q.Matter).Judge(q.State) }

// Judge says what the policy makes of the case. It looks at nothing else but the state.
//
// In this order: the first rule about it; where it goes; the cap of one payment; the authorizations, or with a payment that is bound
// already what it was bound with; the caps of its fee; the limits.
func (c *Case) Judge(s State) Verdict {
	if c.refusal != nil {
		return Verdict{Refusal: c.refusal}
	}
	a, p := &c.asked, c.policy
	a.State = s
	v := Verdict{Rule: a.rule.name, Add: a.difference()}
	steps := []func() *signing.Refusal{
		a.destination, a.onePayment,
		func() (r *signing.Refusal) { v.Bound, r = p.authorize(a); return r },
		a.feeCaps,
		func() (r *signing.Refusal) { v.To, r = a.withinLimits(v.Add); return r },
	}
	for _, step := range steps {
		if r := step(); r != nil {
			return Verdict{Refusal: r, Rule: a.rule.name}
		}
	}
	return v
}

// ask finds the rule about an intent, and its figures.
func (p *Policy) ask(q Question) (asked, *signing.Refusal) {
	if q.Account == "" {
		q.Account = Hot // a key from before there were accounts
	}
	to, asset, amount := q.Intent.Pays()
	a := asked{Question: q, to: to, asset: assetName(asset), fee: q.Intent.MostFee()}
	var ok bool
	if a.amount, ok = new(big.Int).SetString(amount, 10); !ok || a.amount.Sign() < 0 || a.fee.Sign() < 0 {
		return a, refuse(signing.RefusedForGood, "malformed", "amount %q is not a whole number", amount)
	}
	i := slices.IndexFunc(p.rules, func(r *rule) bool { return r.matches(q.Intent, q.Account) })
	if i < 0 {
		return a, refuse(signing.RefusedForGood, "no_rule", "no rule of the policy is about purpose %s of the %s key %s on %s with asset %s",
			wordOf(q.Intent.Purpose), q.Account, q.Intent.From, chain{q.Intent.ChainType, q.Intent.ChainID}, a.asset)
	}
	a.rule = p.rules[i]
	a.heard, a.counters = p.hear(q.Matter), a.rule.countersOf(q.Intent)
	return a, nil
}

func refuse(kind signing.RefusalKind, code, format string, args ...any) *signing.Refusal {
	return &signing.Refusal{Kind: kind, Code: code, Reason: fmt.Sprintf(format, args...)}
}

// refuse is a refusal that names its rule.
func (a *asked) refuse(kind signing.RefusalKind, code, format string, args ...any) *signing.Refusal {
	return refuse(kind, code, "rule %q: %s", a.rule.name, fmt.Sprintf(format, args...))
}

// destination: a sweep goes to where the rule lists; what mends goes nowhere. A withdrawal goes where its authorizations say.
func (a *asked) destination() *signing.Refusal {
	switch {
	case a.rule.sweeps():
		if !slices.Contains(a.rule.to, a.to) {
			return a.refuse(signing.RefusedForGood, "destination_not_allowed", "%s is not one of the %d places that it may be swept to", a.to, len(a.rule.to))
		}
	case !a.rule.pays():
		if a.to != a.Intent.From || a.asset != coin || a.amount.Sign() != 0 {
			return a.refuse(signing.RefusedForGood, "destination_not_allowed", "purpose %s moves nothing, from a wallet to itself; this moves %s of %s to %s",
				wordOf(a.Intent.Purpose), a.amount, a.asset, a.to)
		}
	}
	return nil
}

// onePayment holds one payment to its cap, and to the limits that it would exceed alone: it can never be made.
func (a *asked) onePayment() *signing.Refusal {
	r := a.rule
	for _, c := range []struct {
		name string
		cap  *big.Int
	}{{"payment", r.payment}, {"each_key.hour", r.eachKey.hour}, {"all_keys.hour", r.allKeys.hour}, {"each_key.day", r.eachKey.day}, {"all_keys.day", r.allKeys.day}} {
		if c.cap != nil && a.amount.Cmp(c.cap) > 0 {
			return a.refuse(signing.RefusedForGood, "above_payment_cap", "%s %s is above %s = %s by itself", a.amount, a.asset, c.name, c.cap)
		}
	}
	return nil
}

// difference is what is to be counted: what goes beyond the most that was signed at the place before. It is never negative.
func (a *asked) difference() Sum {
	if a.Before == nil {
		return Sum{Cost{a.amount, a.fee}, 1}
	}
	return Sum{Cost{beyond(a.amount, a.Before.Amount), beyond(a.fee, a.Before.Fee)}, 0}
}

func beyond(n, before *big.Int) *big.Int {
	if before == nil {
		return n
	}
	if n.Cmp(before) <= 0 {
		return new(big.Int)
	}
	return new(big.Int).Sub(n, before)
}
