package main

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/signer/wire"
)

// fullest is how many limits of one scope are shown, unless all are asked for.
const fullest = 10

// showReport tells a person how a machine stands.
func (a *app) showReport(at string, r wire.Report, keys bool) {
	for _, f := range [][2]string{
		{"state", stateOf(r)}, {"device", r.Device}, {"policy", r.Policy}, {"keys", fmt.Sprint(r.Keys)}, {"signed", fmt.Sprint(r.Signed)},
		{"refused", fmt.Sprint(r.Refused)}, {"released", fmt.Sprint(r.Released)}, {"marks", marksOf(r)}, {"log", logOf(r)}, {"copy", copyOf(r)},
		{"signer", at}, {"version", r.Version},
	} {
		a.say("%-8s  %s", f[0], f[1])
	}
	a.sayFreeze(r)
	for _, l := range r.Ledgers {
		a.say("ledger    %s  last receipt %d, %d answers journaled", l.Ledger, l.Receipt, l.Entries)
	}
	a.sayLimits(r, keys)
	if keys {
		a.sayKeys(r)
	}
}

func stateOf(r wire.Report) string {
	switch {
	case r.Locked && r.Frozen != "":
		return "locked, and frozen: " + r.Frozen
	case r.Locked:
		return "locked"
	case r.Frozen != "":
		return "frozen: " + r.Frozen
	}
	return "serving"
}

// marksOf counts the accounts below whose mark nothing new is signed.
func marksOf(r wire.Report) string {
	n := 0
	for _, a := range r.Addresses {
		for _, c := range a.Chains {
			if c.Mark > 0 {
				n++
			}
		}
	}
	return fmt.Sprintf("%d (--keys shows them)", n)
}

func logOf(r wire.Report) string {
	switch {
	case r.Log == nil:
		return "none is kept"
	case r.Log.Failing:
		return fmt.Sprintf("it cannot be written, and nothing is signed; last line %d:%s", r.Log.Seq, r.Log.Hash)
	}
	return fmt.Sprintf("%d:%s", r.Log.Seq, r.Log.Hash)
}

func copyOf(r wire.Report) string {
	c := r.Copy
	switch {
	case c == nil:
		return "none (serve --copy FILE)"
	case c.State == wire.CopyAhead:
		return c.Path + " has answers that the journal has not: the journal went back"
	case c.State == wire.CopyFails:
		return c.Path + " fails, and nothing is answered: " + c.Error
	}
	return fmt.Sprintf("%s follows, %d bytes", c.Path, c.Bytes)
}

func (a *app) sayFreeze(r wire.Report) {
	if r.Freeze == nil {
		return
	}
	a.say("freeze    %s  since %s", cmp.Or(r.Freeze.ID, "not written down yet"), local(r.Freeze.Since))
	for _, c := range r.Freeze.Reasons {
		a.say("  %s  %s: %s", local(c.At), c.By, c.Reason)
	}
}

func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -0700") }

// sayLimits shows what of the limits is used, of each scope those first that are used most.
func (a *app) sayLimits(r wire.Report, all bool) {
	if len(r.Limits) == 0 {
		a.say("limits    the policy has none")
		return
	}
	a.say("limits    used of allowed, base units")
	for rest := r.Limits; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(l wire.LimitReport) bool { return l.Rule != rest[0].Rule || l.Scope != rest[0].Scope })
		if n < 0 {
			n = len(rest)
		}
		scope := slices.Clone(rest[:n])
		rest = rest[n:]
		slices.SortStableFunc(scope, func(a, b wire.LimitReport) int { return share(b).Cmp(share(a)) })
		shown := scope
		if !all {
			shown = scope[:min(fullest, n)]
		}
		for _, l := range shown {
			a.say("  %s", limitLine(l))
		}
		if more := n - len(shown); more > 0 {
			a.say("  … and %d more of rule %q, %s (--keys shows them)", more, scope[0].Rule, scope[0].Scope)
		}
	}
}

// share is the largest part of a limit that is used.
func share(l wire.LimitReport) *big.Rat {
	most := new(big.Rat)
	for _, w := range []wire.WindowReport{l.Hour, l.Day} {
		for _, u := range []*wire.UsedAmount{w.Amount, w.Fee} {
			if u != nil {
				most = larger(most, u.Used, u.Limit)
			}
		}
		if w.Count != nil {
			most = larger(most, fmt.Sprint(w.Count.Used), fmt.Sprint(w.Count.Limit))
		}
	}
	return most
}

// larger is the larger of a share and used/limit. A limit of 0 is full.
func larger(most *big.Rat, used, limit string) *big.Rat {
	part := big.NewRat(1, 1)
	n, okUsed := new(big.Int).SetString(used, 10)
	of, okLimit := new(big.Int).SetString(limit, 10)
	if okUsed && okLimit && of.Sign() > 0 {
		part = new(big.Rat).SetFrac(n, of)
	}
	if part.Cmp(most) > 0 {
		return part
	}
	return most
}

func limitLine(l wire.LimitReport) string {
	where := []string{l.Rule, l.Scope}
	if l.Chain == "" {
		where = append(where, "nothing counted yet")
	} else {
		where = append(where, l.Chain, l.Asset)
	}
	if l.Address != "" {
		where = append(where, l.Address)
	}
	return strings.Join(where, "  ") + windowText("hour", l.Hour) + windowText("day", l.Day)
}

func windowText(name string, w wire.WindowReport) string {
	var all []string
	if u := w.Amount; u != nil {
		all = append(all, u.Used+" of "+u.Limit)
	}
	if u := w.Count; u != nil {
		all = append(all, fmt.Sprintf("%d of %d transactions", u.Used, u.Limit))
	}
	if u := w.Fee; u != nil {
		all = append(all, "fees "+u.Used+" of "+u.Limit)
	}
	if all == nil {
		return ""
	}
	return "  " + name + ": " + strings.Join(all, ", ")
}

// sayKeys shows every key, and where it stands on each chain.
func (a *app) sayKeys(r wire.Report) {
	for _, k := range r.Addresses {
		a.say("key       %s %s  %s  %s  ledger %s", k.ChainType, k.Address, k.Account, k.Path, k.Ledger)
		for _, c := range k.Chains {
			signed := "nothing signed"
			if c.Highest != nil {
				signed = fmt.Sprintf("signed up to nonce %d", *c.Highest)
			}
			a.say("  %s:%d  %s; mark %d: nothing new below it", k.ChainType, c.ChainID, signed, c.Mark)
		}
	}
}
