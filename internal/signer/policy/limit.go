package policy

import (
	"math/big"

	"coffer.internal/signing"
)

// withinLimits holds what is to be counted against what was signed in the last hour and day, and names the counters that it goes into.
func (a asked) withinLimits(add Sum) (to []string, r *signing.Refusal) {
	for _, scope := range []struct {
		name, address string
		limits        limits
	}{{eachKey, a.Intent.From, a.rule.eachKey}, {allKeys, "", a.rule.allKeys}} {
		if !scope.limits.any() {
			continue
		}
		counter := a.rule.counter(a.Intent, scope.address)
		if r := a.within(scope.name, scope.limits, a.usage(counter), add); r != nil {
			return nil, r
		}
		to = append(to, counter)
	}
	if add.Count == 0 && add.Amount.Sign() == 0 && add.Fee.Sign() == 0 {
		return nil, nil // it counts for nothing anywhere
	}
	return to, nil
}

func (a asked) usage(counter string) Usage {
	if a.Usage == nil {
		return Usage{}
	}
	return a.Usage(counter)
}

// within is about one counter. What adds nothing to a sum is not held against it.
func (a asked) within(scope string, l limits, u Usage, add Sum) *signing.Refusal {
	for _, c := range []struct {
		code, name        string
		limit, have, more *big.Int
	}{
		{"hour_limit", "hour", l.hour, u.Hour.Amount, add.Amount},
		{"day_limit", "day", l.day, u.Day.Amount, add.Amount},
		{"hour_count", "hour_count", number(l.hourCount), big.NewInt(int64(u.Hour.Count)), big.NewInt(int64(add.Count))},
		{"day_count", "day_count", number(l.dayCount), big.NewInt(int64(u.Day.Count)), big.NewInt(int64(add.Count))},
		{"fee_hour_limit", "fee_hour", l.feeHour, u.Hour.Fee, add.Fee},
		{"fee_day_limit", "fee_day", l.feeDay, u.Day.Fee, add.Fee},
	} {
		if c.limit == nil || c.more.Sign() == 0 {
			continue
		}
		have := c.have
		if have == nil {
			have = new(big.Int)
		}
		if new(big.Int).Add(have, c.more).Cmp(c.limit) > 0 {
			return a.refuse(signing.RefusedForNow, c.code, "%s more is asked, %s.%s is %s, and %s of it is used", c.more, scope, c.name, c.limit, have)
		}
	}
	return nil
}
