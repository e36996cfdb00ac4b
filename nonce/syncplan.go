package nonce

import (
	"fmt"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// evidenceOperator: an operator said that the nonces were spent.
const evidenceOperator = "operator"

// syncFacts are what a sync is decided by.
type syncFacts struct {
	now      time.Time
	wallet   store.Wallet
	load     store.Load
	open     []store.Nonce   // all free and reserved rows, lowest first
	used     []store.Nonce   // used rows at or above the wanted cursor; read only downward
	attempts []store.Attempt // in flight: asked and not final
}

// syncDecision is what a sync comes to.
type syncDecision struct {
	externals []store.External
	dropped   []store.Nonce // reservations that end
	same      bool
}

// decideSync applies the rules of Sync. It has no effects.
func decideSync(f syncFacts, c SyncCall) (syncDecision, error) {
	if c.To < f.wallet.Nonce {
		return decideDown(f, c)
	}
	return decideUp(f, c)
}

func decideUp(f syncFacts, c SyncCall) (syncDecision, error) {
	spent := c.Latest != nil && c.To <= *c.Latest // the chain itself says that all below To is spent
	up := c.To > f.wallet.Nonce
	if up && c.Latest != nil && !spent && !c.Force {
		return syncDecision{}, f.refuse(c, "ahead_of_chain", fmt.Sprintf("coffer sync %s %d %d", f.wallet.Address, f.wallet.ChainID, *c.Latest),
			"the nodes count %d, so nonces from there on are not spent", *c.Latest)
	}
	if up && !spent && f.load.LowestUnmined != nil && *f.load.LowestUnmined < c.To {
		return syncDecision{}, f.refuse(c, "in_flight", fmt.Sprintf("wait until they are in a block: coffer info %s %d", f.wallet.Address, f.wallet.ChainID),
			"nonce %d was asked for and is not in a block", *f.load.LowestUnmined)
	}
	if !up && !spent {
		return syncDecision{same: true}, nil // nobody says anything new
	}
	var d syncDecision
	var passed []uint64
	for _, n := range f.open {
		if n.Nonce >= c.To {
			break
		}
		passed = append(passed, n.Nonce)
		if f.standing(n) {
			d.dropped = append(d.dropped, n)
		}
	}
	if len(d.dropped) > 0 && !spent && !c.Force {
		return syncDecision{}, f.refuse(c, "reserved", "release them with `coffer nonce release`, or --force --reason TEXT",
			"%s", reservations(d.dropped))
	}
	d.externals = external(f, c, passed)
	d.same = len(d.externals) == 0
	return d, nil
}

func decideDown(f syncFacts, c SyncCall) (syncDecision, error) {
	if len(f.used) > 0 {
		highest := f.used[len(f.used)-1]
		return syncDecision{}, f.refuse(c, "in_flight", fmt.Sprintf("the lowest cursor possible is %d", highest.Nonce+1),
			"nonce %d was asked for, and nothing overrides that", highest.Nonce)
	}
	var d syncDecision
	for _, n := range f.open {
		if n.Nonce >= c.To && f.standing(n) {
			d.dropped = append(d.dropped, n)
		}
	}
	if !c.Force {
		why := "downward, nonces that were given may be given again"
		if len(d.dropped) > 0 {
			why = reservations(d.dropped)
		}
		return syncDecision{}, f.refuse(c, "downward", "--force --reason TEXT, if you know that they were never signed", "%s", why)
	}
	return d, nil
}

// standing: the row is reserved, and not by somebody whose time ran out.
func (f syncFacts) standing(n store.Nonce) bool {
	return n.State == store.NonceReserved && (n.ExpiresAt.IsZero() || n.ExpiresAt.After(f.now))
}

// external makes ranges of the nonces passed over: those listed, and all from the cursor on. Nonces that are used, or
// external already, are not listed, so no range contains one.
func external(f syncFacts, c SyncCall, passed []uint64) []store.External {
	reason := c.Reason
	if reason == "" {
		reason = "sync"
	}
	if c.Latest != nil {
		reason = fmt.Sprintf("%s (the nodes count %d)", reason, *c.Latest)
	}
	var out []store.External
	add := func(from, to uint64) {
		if n := len(out); n > 0 && out[n-1].To+1 == from {
			out[n-1].To = to
			return
		}
		out = append(out, store.External{
			WalletID: f.wallet.ID, From: from, To: to, Evidence: evidenceOperator, Reason: reason, At: f.now,
		})
	}
	for _, n := range passed {
		add(n, n)
	}
	if c.To > f.wallet.Nonce {
		add(f.wallet.Nonce, c.To-1)
	}
	return out
}

// refuse is a refusal that shows where everything stands.
func (f syncFacts) refuse(c SyncCall, code, hint, why string, args ...any) error {
	chain := "not asked"
	if c.Latest != nil {
		chain = fmt.Sprint(*c.Latest)
	}
	return fault.New(fault.Refused, code, hint, "sync of %s on %s to %d is refused: %s (cursor %d, chain %s, in flight: %s)",
		f.wallet.Address, poolOf(f.wallet), c.To, fmt.Sprintf(why, args...), f.wallet.Nonce, chain, f.inFlight())
}

// inFlight counts what is under way, by state.
func (f syncFacts) inFlight() string {
	count := map[string]int{}
	for _, a := range f.attempts {
		count[a.State]++
	}
	for _, n := range f.open {
		if f.standing(n) {
			count[n.State]++
		}
	}
	var parts []string
	for _, state := range []string{
		store.NonceReserved, store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined,
	} {
		if n := count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// reservations names nonces with the requests that have them.
func reservations(rows []store.Nonce) string {
	const most = 20
	var parts []string
	for i, n := range rows {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(rows)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("nonce %d by request %s", n.Nonce, n.Request))
	}
	return "reserved: " + strings.Join(parts, ", ")
}

// record is the decision in an audit row.
func (d syncDecision) record(c SyncCall) string {
	var s strings.Builder
	fmt.Fprintf(&s, "cursor %d", c.To)
	for _, e := range d.externals {
		fmt.Fprintf(&s, "; external %d..%d", e.From, e.To)
	}
	if len(d.dropped) > 0 {
		s.WriteString("; ended: " + reservations(d.dropped))
	}
	if c.Force {
		s.WriteString("; forced")
	}
	return s.String()
}
