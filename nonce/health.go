package nonce

import (
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// HealthState is a state of the monitoring-plugin convention; its number is the exit code.
type HealthState int

const (
	HealthOK HealthState = iota
	HealthWarning
	HealthCritical
	HealthUnknown
)

// String is the word of the convention.
func (s HealthState) String() string {
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s]
}

// Worse says whether s is worse news than t. What is not known may hide anything but is not known to be broken: CRITICAL is
// worse than UNKNOWN, that is worse than WARNING.
func (s HealthState) Worse(t HealthState) bool {
	rank := [...]int{HealthOK: 0, HealthWarning: 1, HealthUnknown: 2, HealthCritical: 3}
	return rank[s] > rank[t]
}

// HealthVerdict is what the ledger and the chain together say of a wallet's nonces.
type HealthVerdict string

const (
	// Healthy: the cursor is what the chain counts, and nothing is under way.
	Healthy HealthVerdict = "healthy"
	// InFlight: everything between the chain's count and the cursor is ours and on its way.
	InFlight HealthVerdict = "in_flight"
	// GapOpen: a nonce is free, and nothing signed waits above it. The next payment takes it.
	GapOpen HealthVerdict = "gap"
	// GapBelowSigned: a nonce has no signature, and signed ones above it cannot be mined before it is.
	GapBelowSigned HealthVerdict = "gap_below_signed"
	// BehindChain: the chain has spent nonces that the ledger would still hand out.
	BehindChain HealthVerdict = "behind_chain"
	// AheadOfChain: no node knows of nonces below the cursor, and nothing of ours that is on its way explains them. What is
	// handed out now would never be mined.
	AheadOfChain HealthVerdict = "ahead_of_chain"
	// Unclear: the nodes disagree or do not answer, or there is nobody to ask.
	Unclear HealthVerdict = "unknown"
)

// healthStates is the one table of what a verdict is worth.
var healthStates = map[HealthVerdict]HealthState{
	Healthy:        HealthOK,
	InFlight:       HealthOK,
	GapOpen:        HealthWarning,
	GapBelowSigned: HealthCritical,
	BehindChain:    HealthCritical,
	AheadOfChain:   HealthCritical,
	Unclear:        HealthUnknown,
}

// patience is how long a nonce below a signed one may be on its way to its signature. Among callers who reserve, ask and sign
// at once, that is nothing unusual for a moment.
const patience = 5 * time.Minute

// HealthCount is what the chain says of an account.
type HealthCount struct {
	Latest  uint64 // in the latest block; the lowest that a node says
	Highest uint64 // the highest Latest that a node says
	Pending uint64 // with what the pools hold, the highest; it decides nothing alone (F13)
	Agreed  bool   // every node says the same Latest
	Told    bool   // no node said it: whoever asks did
	Err     error  // why there is no count, or why the nodes do not agree: a fault with its hint
}

// Health is the verdict on one wallet.
type Health struct {
	Wallet   wallet.Wallet
	Verdict  HealthVerdict
	State    HealthState
	Nonces   []NonceRange // which nonces the verdict is about, lowest first; at most some hundreds
	InFlight int          // nonces asked and not final, or sent elsewhere and not in a block
	Chain    *uint64      // the count that the nodes agree on; nil: none
	Pending  *uint64      // what the nodes' pools count, the highest; nil: no node said it
	Brake    string       // why it gets nothing new; empty: no brake
	Why      string       // what is so, in half a sentence
	Means    string       // what follows from it
	Hint     string       // the next command
}

// NonceRange is a range of nonces, both ends included.
type NonceRange struct{ From, To uint64 }

// healthFacts are what health is judged by.
type healthFacts struct {
	now    time.Time
	wallet store.Wallet
	load   store.Load
	front  store.Front // from the agreed count on
	all    bool        // front has every row
	count  HealthCount
}

// judgeHealth compares the latest count, the pending one and the ledger. It has no effects.
func judgeHealth(f healthFacts) Health {
	h := Health{Wallet: wallet.FromRow(f.wallet), InFlight: f.inFlight()}
	switch {
	case f.wallet.ChainType != string(wallet.EVM):
		h.sequence(f)
	case f.count.Err != nil || !f.count.Agreed:
		h.Verdict = Unclear
	default:
		h.Chain = &f.count.Latest
		if !f.count.Told {
			h.Pending = &f.count.Pending
		}
		h.Verdict, h.Nonces = f.compare()
	}
	h.State = healthStates[h.Verdict]
	h.explain(f)
	h.braked(f.load.Brake)
	return h
}

// braked says that a wallet gets nothing new. That is no verdict on its nonces, but it is not OK either.
func (h *Health) braked(why string) {
	if why == "" {
		return
	}
	h.Brake = why
	h.Why += "; braked: " + why
	if h.State == HealthOK {
		h.State, h.Hint = HealthWarning, "coffer alarms"
	}
}

// compare finds the worst that is so.
func (f healthFacts) compare() (HealthVerdict, []NonceRange) {
	if spent := f.spentButOpen(); spent != nil {
		return BehindChain, spent
	}
	below, open := f.gaps()
	if below != nil {
		return GapBelowSigned, below
	}
	if unknown := f.unexplained(); unknown != nil {
		return AheadOfChain, unknown
	}
	if open != nil {
		return GapOpen, open
	}
	if f.wallet.Nonce > f.count.Latest {
		return InFlight, []NonceRange{{f.count.Latest, f.wallet.Nonce - 1}}
	}
	if f.load.InFlight > 0 {
		return InFlight, nil // mined, and not yet final
	}
	return Healthy, nil
}

// spentButOpen are nonces that the chain has spent and the ledger would hand out, or ask for. Reservations of a key that is
// elsewhere are ended by the chain: that is how they go.
func (f healthFacts) spentButOpen() []NonceRange {
	var out []NonceRange
	for _, n := range f.front.Below {
		if n.State == store.NonceFree || f.wallet.Device != "" {
			out = include(out, n.Nonce, n.Nonce)
		}
	}
	if f.wallet.Nonce < f.count.Latest {
		out = include(out, f.wallet.Nonce, f.count.Latest-1)
	}
	return out
}

// gaps are the unsigned nonces that the chain has not spent: those below a signed one, and those with nothing signed above.
func (f healthFacts) gaps() (below, open []NonceRange) {
	var top *uint64
	if f.front.Top != nil && *f.front.Top >= f.count.Latest {
		top = f.front.Top
	}
	for _, s := range f.front.Slots {
		if n := s.Nonce.Nonce; s.Signed && (top == nil || n > *top) {
			top = &n
		}
	}
	for _, s := range f.front.Slots {
		n, free := s.Nonce.Nonce, f.free(s)
		switch {
		case s.Signed:
		case top == nil || n > *top:
			if free {
				open = include(open, n, n)
			}
		case free || f.now.Sub(s.UpdatedAt) > patience:
			below = include(below, n, n)
		}
	}
	return below, open
}

// free: nobody has the nonce now: it is free, its reservation ran out, or all its attempts were refused.
func (f healthFacts) free(s store.Slot) bool {
	switch s.State {
	case store.NonceReserved:
		return !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(f.now)
	case store.NonceUsed:
		return !s.Asked && !s.Signed
	}
	return true
}

// unexplained are nonces below the cursor that no node knows of, in a block or in a pool, and that are not ours (somebody said
// that they are spent); and those that were final here, which no node may have lost.
func (f healthFacts) unexplained() []NonceRange {
	var out []NonceRange
	next := max(f.count.Latest, f.count.Highest, f.count.Pending)
	for _, s := range f.front.Slots {
		n := s.Nonce.Nonce
		if n > next {
			out = include(out, next, n-1)
		}
		if s.Final {
			out = include(out, n, n)
		}
		next = max(next, n+1)
	}
	if f.all && next < f.wallet.Nonce {
		out = include(out, next, f.wallet.Nonce-1)
	}
	return out
}

// inFlight counts what is asked and not final, and what was sent elsewhere and is not in a block.
func (f healthFacts) inFlight() int {
	n := f.load.InFlight
	for _, s := range f.front.Slots {
		if s.Hash != "" {
			n++
		}
	}
	return n
}

// sequence judges a wallet whose nonce is coffer's own number: what guards its payments stands elsewhere.
func (h *Health) sequence(f healthFacts) {
	if h.Verdict = Healthy; f.load.InFlight > 0 || f.load.Reserved > 0 {
		h.Verdict = InFlight
	}
}

// include adds a range at the end of ranges, or makes the last one longer.
func include(ranges []NonceRange, from, to uint64) []NonceRange {
	if n := len(ranges); n > 0 && ranges[n-1].To+1 == from {
		ranges[n-1].To = to
		return ranges
	}
	return append(ranges, NonceRange{from, to})
}
