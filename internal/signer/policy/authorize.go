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
func (p *Policy) authorize(a asked) (Bound, *signing.Refusal) {
	switch {
	case !a.rule.pays():
		return Bound{}, nil
	case a.Bound != nil:
		return *a.Bound, a.feeWithin(a.Bound.MaxFee)
	case a.Unreadable != "":
		return Bound{}, a.refuse(signing.RefusedForNow, "authorization_unreadable", "an authorization cannot be read: %s", a.Unreadable)
	}
	needs := a.needs()
	votes, spoiled := p.count(a, needs)
	var used []vote
	for _, role := range roles {
		n := needs[role]
		if len(votes[role]) < n {
			return Bound{}, a.tooFew(role, n, votes[role], spoiled[role])
		}
		used = append(used, votes[role][:n]...)
	}
	b := boundBy(used)
	return b, a.feeWithin(b.MaxFee)
}

// needs are how many authorizations of each role the payment wants.
func (a asked) needs() map[Role]int {
	needs := map[Role]int{}
	for role, n := range a.rule.needs {
		needs[role] = n
	}
	if above := a.rule.officersAbove; above != nil && a.amount.Cmp(above) > 0 {
		needs[Officer] = max(needs[Officer], a.rule.officers)
	}
	return needs
}

// vote is a good authorization.
type vote struct {
	signing.SignedAuthorization
	maxFee *big.Int
}

// spoilt are the authorizations of a role that are not good: the first of them that says most, and how many came twice of one hand.
type spoilt struct {
	flaw  *signing.Refusal
	rank  int
	twice int
}

// count sorts the authorizations by role. Each authorizer counts once, with the highest cap that he authorized; in each role, those with
// the highest caps stand first. Those of keys that the policy does not name count for nothing.
func (p *Policy) count(a asked, needs map[Role]int) (map[Role][]vote, map[Role]spoilt) {
	votes, spoiled := map[Role][]vote{}, map[Role]spoilt{}
	for _, t := range a.Authorizations {
		who, known := p.byKey[string(t.Key)]
		if !known || needs[who.Role] == 0 {
			continue
		}
		s := spoiled[who.Role]
		v, flaw, rank := a.read(t, who)
		if flaw != nil {
			if s.flaw == nil || rank < s.rank {
				s.flaw, s.rank = flaw, rank
			}
			spoiled[who.Role] = s
			continue
		}
		all := votes[who.Role]
		if same := slices.IndexFunc(all, func(o vote) bool { return o.Key.Equal(t.Key) }); same < 0 {
			votes[who.Role] = append(all, v)
		} else {
			s.twice++
			if v.maxFee.Cmp(all[same].maxFee) > 0 {
				all[same] = v
			}
		}
		spoiled[who.Role] = s
	}
	for _, all := range votes {
		slices.SortStableFunc(all, func(x, y vote) int { return y.maxFee.Cmp(x.maxFee) })
	}
	return votes, spoiled
}

// read holds one authorization against the payment and the clock. Of several flaws the one with the lowest rank is told.
func (a asked) read(t signing.SignedAuthorization, who Authorizer) (v vote, flaw *signing.Refusal, rank int) {
	maxFee, ok := new(big.Int).SetString(t.MaxFee, 10)
	switch why := t.Differs(a.Intent); {
	case !ok || maxFee.Sign() < 0 || maxFee.String() != t.MaxFee:
		return v, a.refuse(signing.RefusedForNow, "authorization_unreadable", "the authorization of %s has max_fee %q, which is not a whole number", who.Name, t.MaxFee), 1
	case why != "":
		return v, a.refuse(signing.RefusedForNow, "authorization_differs", "the authorization of %s is for something else: %s", who.Name, why), 2
	case !a.Recalled && !a.Now.Before(t.Expires), !t.Issued.Before(t.Expires):
		return v, a.refuse(signing.RefusedForNow, "authorization_expired", "the authorization of %s, issued at %s, expired at %s; it is %s here",
			who.Name, second(t.Issued), second(t.Expires), second(a.Now)), 3
	case !a.Recalled && t.Issued.After(a.Now.Add(maxAhead)):
		return v, a.refuse(signing.RefusedForNow, "authorization_from_the_future", "the authorization of %s was issued at %s, more than %s from now; it is %s here",
			who.Name, second(t.Issued), maxAhead, second(a.Now)), 4
	}
	return vote{t, maxFee}, nil, 0
}

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// tooFew says why the authorizations of a role are not enough.
func (a asked) tooFew(role Role, n int, votes []vote, s spoilt) *signing.Refusal {
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
		b.Keys = append(b.Keys, signing.Fingerprint(v.Key))
	}
	if lowest != nil {
		b.MaxFee = lowest.String()
	}
	return b
}

// feeWithin holds the fee to what was authorized. Empty: nothing was said about it.
func (a asked) feeWithin(authorized string) *signing.Refusal {
	if authorized == "" {
		return nil
	}
	most, ok := new(big.Int).SetString(authorized, 10)
	if ok && a.fee.Cmp(most) <= 0 {
		return nil
	}
	return a.refuse(signing.RefusedForNow, "fee_above_authorization", "it can cost %s, and at most %s is authorized", a.fee, authorized)
}
