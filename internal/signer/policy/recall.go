package policy

// Recall is what a policy makes of an intent that is signed, and that its machine forgot (a load): what is to be kept with its payment,
// and what it counts for, in which counters. It refuses nothing, because nothing is to be signed: no cap, limit or clock is held against
// it, and its authorizations count though they have expired by now.
//
// Where they do not come with it, or are not those that the rule wants, the payment is bound to the most that is signed for it: it was
// authorized once, and nobody knows up to which fee.
func (p *Policy) Recall(q Question) Verdict {
	q.Recalled = true
	a, r := p.ask(q)
	if r != nil {
		return Verdict{Bound: Bound{MaxFee: a.mostFee()}}
	}
	v := Verdict{Rule: a.rule.name, Add: a.difference(), To: a.counters.names()}
	if v.Bound, r = p.authorize(&a); r != nil && v.Bound.MaxFee == "" {
		v.Bound = Bound{MaxFee: a.mostFee()}
	}
	return v
}

// mostFee is the highest fee that is signed at the place, this intent's included.
func (a *asked) mostFee() string {
	most := a.fee
	if a.Before != nil && a.Before.Fee != nil && a.Before.Fee.Cmp(most) > 0 {
		most = a.Before.Fee
	}
	return most.String()
}
