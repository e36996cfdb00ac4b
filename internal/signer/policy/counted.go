package policy

import (
	"slices"
	"strings"
)

// Counted is what one counter of a rule counts, and the most that the rule lets be counted in it.
type Counted struct {
	Rule    string
	Scope   string // each_key, all_keys
	Chain   string // as the file names it; empty: of a scope that has counted nothing yet
	Asset   string
	Address string // of each_key

	Hour, Day Sum // the limits; nil and 0: there is none
}

// The scopes of limits, as the file names them.
const (
	eachKey = "each_key"
	allKeys = "all_keys"
)

// Counted finds what a counter of the journal counts by this policy. ok is false for one that no rule of it keeps any more.
func (p *Policy) Counted(counter string) (c Counted, ok bool) {
	parts := strings.Split(counter, "/")
	if len(parts) < 4 || len(parts) > 5 || parts[0] != "rule" {
		return c, false
	}
	at := slices.IndexFunc(p.rules, func(r *rule) bool { return r.name == parts[1] })
	if at < 0 {
		return c, false
	}
	r, scope := p.rules[at], allKeys
	if len(parts) == 5 {
		scope = eachKey
	}
	if c, ok = r.counted(scope); !ok || parts[3] != r.oneAsset() {
		return Counted{}, false // the rule limits that no more, or it is of another asset by now
	}
	c.Chain, c.Asset = parts[2], parts[3]
	if scope == eachKey {
		c.Address = parts[4]
	}
	return c, true
}

// Limits are all scopes that have limits, in the order of the file, without what they count.
func (p *Policy) Limits() (all []Counted) {
	for _, r := range p.rules {
		for _, scope := range []string{eachKey, allKeys} {
			if c, ok := r.counted(scope); ok {
				all = append(all, c)
			}
		}
	}
	return all
}

// counted is a scope of a rule, if that has limits.
func (r *rule) counted(scope string) (c Counted, ok bool) {
	l := r.allKeys
	if scope == eachKey {
		l = r.eachKey
	}
	return Counted{
		Rule: r.name, Scope: scope, Asset: r.oneAsset(),
		Hour: Sum{Cost{l.hour, l.feeHour}, l.hourCount}, Day: Sum{Cost{l.day, l.feeDay}, l.dayCount},
	}, l.any()
}
