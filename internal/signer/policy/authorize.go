package policy

import (
	"math/big"
	"slices"
	"time"

	"coffer.internal/signing"
)

// maxAhead is how far the clock of whoever authorizes may be ahead of the machine's.
const maxAhead = 5 * time.Minute

// authorize wants the authorizations of a rule for a payment that is bound nowhere, and gives what is to be kept with it. A payment that
// is bound needs none any more: only its fee has to stay within what was authorized. What mends needs none ever.
func (p *Policy) authorize(a *asked) (Bound, *signing.Refusal) {
	switch {
	case !a.rule.pays():
		return Bound{}, nil
	case a.Bound != nil:
		return *a.Bound, a.feeWithin(a.Bound.MaxFee)
	case a.Unreadable != "":
		return Bound{}, a.refuse(signing.RefusedForNow, "authorization_unreadable", "an authorization cannot be read: %s", a.Unreadable)
	}
	needs := a.needs()
	votes, spoiled := a.count(needs)
	var used []vote
	for role := range roles {
		n := needs[role]
		if len(votes[role]) < n {
			return Bound{}, a.tooFew(roles[role], n, votes[role], spoiled[role])
		}
		used = append(used, votes[role][:n]...)
	}
	b := boundBy(used)
	return b, a.feeWithin(b.MaxFee)
}

// needs are how many authorizations of each role the payment wants.
func (a *asked) needs() (needs [len(roles)]int) {
	for role, name := range roles {
		needs[role] = a.rule.needs[name]
	}
	if above := a.rule.officersAbove; above != nil && a.amount.Cmp(above) > 0 {
		needs[officer] = max(needs[officer], a.rule.officers)
	}
	return needs
}

// heard is an authorization of somebody whom the policy names, with what is worked out of it once.
type heard struct {
	signing.SignedAuthorization
	who     Authorizer
	role    int      // in roles
	maxFee  *big.Int // nil: it is none
	differs string   // in what it is not for what the intent pays
}

// hear reads the authorizations of a matter. Those of keys that the policy does not name count for nothing.
func (p *Policy) hear(m Matter) []heard {
	var all []heard
	for _, t := range m.Authorizations {
		who, known := p.byKey[string(t.Key)]
		if !known {
			continue
		}
		h := heard{SignedAuthorization: t, who: who, role: slices.Index(roles[:], who.Role), differs: t.Differs(m.Intent)}
		if maxFee, ok := new(big.Int).SetString(t.MaxFee, 10); ok {
			h.maxFee = maxFee
		}
		all = append(all, h)
	}
	return all
}

// vote is a good authorization.
type vote = *heard

// spoilt are the authorizations of a role that are not good: the first of them that says most, and how many came twice of one hand.
type spoilt struct {
	flaw  *signing.Refusal
	rank  int
	twice int
}

// count sorts the authorizations by role. Each authorizer counts once, with the highest cap that he authorized; in each role, those with
// the highest caps stand first.
func (a *asked) count(needs [len(roles)]int) (votes [len(roles)][]vote, spoiled [len(roles)]spoilt) {
	for i := range a.heard {
		v := &a.heard[i]
		if needs[v.role] == 0 {
			continue
		}
		s, all := &spoiled[v.role], votes[v.role]
		if flaw, rank := a.flaw(v); flaw != nil {
			if s.flaw == nil || rank < s.rank {
				s.flaw, s.rank = flaw, rank
			}
			continue
		}
		if same := slices.IndexFunc(all, func(o vote) bool { return o.Key.Equal(v.Key) }); same < 0 {
			votes[v.role] = append(all, v)
		} else {
			s.twice++
			if v.maxFee.Cmp(all[same].maxFee) > 0 {
				all[same] = v
			}
		}
	}
	for _, all := range votes {
		slices.SortStableFunc(all, func(x, y vote) int { return y.maxFee.Cmp(x.maxFee) })
	}
	return votes, spoiled
}

// flaw holds one authorization against the payment and the clock. Of several flaws the one with the lowest rank is told.
func (a *asked) flaw(t *heard) (flaw *signing.Refusal, rank int) {
	switch {
	case t.maxFee == nil || t.maxFee.Sign() < 0 || t.maxFee.String() != t.MaxFee:
		return a.refuse(signing.RefusedForNow, "authorization_unreadable", "the authorization of %s has max_fee %q, which is not a whole number", t.who.Name, t.MaxFee), 1
	case t.differs != "":
		return a.refuse(signing.RefusedForNow, "authorization_differs", "the authorization of %s is for something else: %s", t.who.Name, t.differs), 2
	case !a.Recalled && !a.Now.Before(t.Expires), !t.Issued.Before(t.Expires):
		return a.refuse(signing.RefusedForNow, "authorization_expired", "the authorization of %s, issued at %s, expired at %s; it is %s here",
			t.who.Name, second(t.Issued), second(t.Expires), second(a.Now)), 3
	case !a.Recalled && t.Issued.After(a.Now.Add(maxAhead)):
		return a.refuse(signing.RefusedForNow, "authorization_from_the_future", "the authorization of %s was issued at %s, more than %s from now; it is %s here",
			t.who.Name, second(t.Issued), maxAhead, second(a.Now)), 4
	}
	return nil, 0
}

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// tooFew says why the authorizations of a role are not enough.
func (a *asked) tooFew(role Role, n int, votes []vote, s spoilt) *signing.Refusal {
	switch {
	case s.flaw != nil:
		return s.flaw
	case role == Officer && len(votes)+s.twice >= n:
		return a.refuse(signing.RefusedForNow, "officer_twice", "%d officers are wanted, and the %d authorizations of officers that came are those of %d", n, len(votes)+s.twice, len(votes))
	}
	return a.refuse(signing.RefusedForNow, "authorization_missing", "%d authorizations of role %s are wanted, and %d came (of %d in all)", n, role, len(votes), len(a.Authorizations))
}

// boundBy is what a payment is bound with: the lowest cap of the authorizations that were needed.
func boundBy(used []vote) Bound {
	var b Bound
	var lowest *big.Int
	for _, v := range used {
		if lowest == nil || v.maxFee.Cmp(lowest) < 0 {
			lowest = v.maxFee
		}
		b.Keys = append(b.Keys, v.who.fingerprint)
	}
	if lowest != nil {
		b.MaxFee = lowest.String()
	}
	return b
}

// feeWithin holds the fee to what was authorized. Empty: nothing was said about it.
func (a *asked) feeWithin(authorized string) *signing.Refusal {
	if authorized == "" {
		return nil
	}
	most, ok := new(big.Int).SetString(authorized, 10)
	if ok && a.fee.Cmp(most) <= 0 {
		return nil
	}
	return a.refuse(signing.RefusedForNow, "fee_above_authorization", "it can cost %s, and at most %s is authorized", a.fee, authorized)
}
