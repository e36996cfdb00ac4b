package policy

import (
	"math/big"
	"slices"

	"coffer.internal/signing"
)

// counters are the names of the counters of a rule that an intent is counted in; empty: there is no such limit.
type counters struct{ eachKey, allKeys string }

func (r *rule) countersOf(i signing.Intent) (c counters) {
	if r.eachKey.any() {
		c.eachKey = r.counter(i, i.From)
	}
	if r.allKeys.any() {
		c.allKeys = r.counter(i, "")
	}
	return c
}

// names are those that there are.
func (c counters) names() []string {
	return slices.DeleteFunc([]string{c.eachKey, c.allKeys}, func(name string) bool { return name == "" })
}

// withinLimits holds what is to be counted against what was signed in the last hour and day, and names the counters that it goes into.
func (a *asked) withinLimits(add Sum) (to []string, r *signing.Refusal) {
	for _, scope := range []struct {
		name, counter string
		limits        *limits
	}{{eachKey, a.counters.eachKey, &a.rule.eachKey}, {allKeys, a.counters.allKeys, &a.rule.allKeys}} {
		if !scope.limits.any() {
			continue
		}
		if r := a.within(scope.name, scope.limits, a.usage(scope.counter), add); r != nil {
			return nil, r
		}
	}
	if add.Count == 0 && add.Amount.Sign() == 0 && add.Fee.Sign() == 0 {
		return nil, nil // it counts for nothing anywhere
	}
	return a.counters.names(), nil
}

func (a *asked) usage(counter string) Usage {
	if a.Usage == nil {
		return Usage{}
	}
	return a.Usage(counter)
}

// within is about one counter. What adds nothing to a sum is not held against it.
func (a *asked) within(scope string, l *limits, u Usage, add Sum) *signing.Refusal {
	above := func(code, name string, limit, have, more any) *signing.Refusal {
		return a.refuse(signing.RefusedForNow, code, "%v more is asked, %s.%s is %v, and %v of it is used", more, scope, name, limit, have)
	}
	switch {
	case sumAbove(l.hour, u.Hour.Amount, add.Amount):
		return above("hour_limit", "hour", l.hour, some(u.Hour.Amount), add.Amount)
	case sumAbove(l.day, u.Day.Amount, add.Amount):
		return above("day_limit", "day", l.day, some(u.Day.Amount), add.Amount)
	case countAbove(l.hourCount, u.Hour.Count, add.Count):
		return above("hour_count", "hour_count", l.hourCount, u.Hour.Count, add.Count)
	case countAbove(l.dayCount, u.Day.Count, add.Count):
		return above("day_count", "day_count", l.dayCount, u.Day.Count, add.Count)
	case sumAbove(l.feeHour, u.Hour.Fee, add.Fee):
		return above("fee_hour_limit", "fee_hour", l.feeHour, some(u.Hour.Fee), add.Fee)
	case sumAbove(l.feeDay, u.Day.Fee, add.Fee):
		return above("fee_day_limit", "fee_day", l.feeDay, some(u.Day.Fee), add.Fee)
	}
	return nil
}

// sumAbove says whether more brings a sum above its limit; nil: there is none.
func sumAbove(limit, have, more *big.Int) bool {
	if limit == nil || more.Sign() == 0 {
		return false
	}
	return new(big.Int).Add(some(have), more).Cmp(limit) > 0
}

// countAbove says whether more brings a count above its limit; 0: there is none.
func countAbove(limit, have, more int) bool { return limit > 0 && more > 0 && have+more > limit }

// some is a number that may be left out: nil is nothing.
func some(n *big.Int) *big.Int {
	if n == nil {
		return new(big.Int)
	}
	return n
}
