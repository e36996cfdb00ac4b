package nonce

import (
	"fmt"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// Who says that nonces were spent by somebody else.
const (
	evidenceOperator = "operator"
	evidenceChain    = "chain"
)

// syncFacts are what a sync is decided by.
type syncFacts struct {
	now      time.Time
	wallet   store.Wallet
	load     store.Load
	open     []store.Nonce   // all free and reserved rows, lowest first
	used     *uint64         // the highest used nonce at or above the wanted cursor; read only downward
	attempts []store.Attempt // in flight: asked and not final; read only for a refusal
}

// syncDecision is what a sync comes to.
type syncDecision struct {
	to        uint64 // the cursor afterwards
	externals []store.External
	dropped   []store.Nonce // reservations that end
	same      bool
}

// decideSync applies the rules of Sync. It has no effects.
func decideSync(f syncFacts, c SyncCall) (d syncDecision, err error) {
	switch {
	case c.FromChain && f.wallet.ChainType != string(wallet.EVM):
		err = noAccountNonce(f.wallet)
	case c.FromChain:
		c.Latest = &c.To
		d, err = decideUp(f, c)
	case c.To < f.wallet.Nonce:
		d, err = decideDown(f, c)
	default:
		d, err = decideUp(f, c)
	}
	switch {
	case err != nil:
		d = syncDecision{to: f.wallet.Nonce}
	case c.FromChain:
		d.to = max(c.To, f.wallet.Nonce) // an older node answers with an older count: it lowers nothing
	default:
		d.to = c.To
	}
	return d, err
}

func noAccountNonce(w store.Wallet) error {
	return fault.New(fault.Refused, "no_account_nonce", fmt.Sprintf("coffer sync %s %d NONCE sets the number itself", w.Address, w.ChainID),
		"wallet %s on %s has no account nonce: its nonce is coffer's own sequence number, which no node counts", w.Address, poolOf(w))
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
	if f.used != nil {
		return syncDecision{}, f.refuse(c, "in_flight", fmt.Sprintf("the lowest cursor possible is %d", *f.used+1),
			"nonce %d was asked for, and nothing overrides that", *f.used)
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
	evidence, reason := evidenceOperator, c.Reason
	if reason == "" {
		reason = "sync"
	}
	if c.FromChain {
		evidence = evidenceChain
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
			WalletID: f.wallet.ID, From: from, To: to, Evidence: evidence, Reason: reason, At: f.now,
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
	fmt.Fprintf(&s, "cursor %d", d.to)
	for _, e := range d.externals {
		fmt.Fprintf(&s, "; external %d..%d", e.From, e.To)
	}
	if len(d.dropped) > 0 {
		s.WriteString("; ended: " + reservations(d.dropped))
	}
	if c.Force {
		s.WriteString("; forced")
	}
	if c.FromChain {
		fmt.Fprintf(&s, "; the nodes count %d", c.To)
	}
	return s.String()
}
