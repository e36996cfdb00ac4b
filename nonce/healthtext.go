package nonce

import (
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// healthMeaning says for each verdict what follows from it.
var healthMeaning = map[HealthVerdict]string{
	Healthy:        "The next nonce is the one that the chain expects.",
	InFlight:       "Everything between the chain's count and the cursor is ours and on its way.",
	GapOpen:        "These nonces belong to nobody, and nothing signed waits above them: the next payment takes them, lowest first.",
	GapBelowSigned: "The chain takes nonces in order: what is signed above cannot be mined before these are.",
	BehindChain:    "The chain has spent nonces that the ledger would still hand out: a payment that gets one fails. If nobody signs with this key outside coffer, find out who did.",
	AheadOfChain:   "No node knows of these nonces, and nothing of ours is on its way at them: what is handed out now would never be mined.",
	Unclear:        "Without a count that is certain nothing can be said.",
}

// explain fills in what a person reads.
func (h *Health) explain(f healthFacts) {
	w := f.wallet
	this := fmt.Sprintf("%s %d", w.Address, w.ChainID)
	h.Means, h.Hint = healthMeaning[h.Verdict], "coffer info "+this
	if w.ChainType != string(wallet.EVM) {
		h.explainSequence(f)
		return
	}
	switch h.Verdict {
	case Healthy:
		h.Why = "the cursor is what the chain counts"
	case InFlight:
		h.Why = fmt.Sprintf("in flight: %s", f.onTheWay())
		h.Hint = "coffer nonce list " + this
	case GapOpen:
		h.Why = fmt.Sprintf("free, and nothing signed above: %s", h.Ranges())
		h.Hint = "nothing has to be done; see them with coffer nonce list " + this
	case GapBelowSigned:
		h.Why = fmt.Sprintf("unsigned below a signed one: %s", h.Ranges())
		if h.Hint = "see that the daemon (`coffer run`) and the signing machine run, they fill the gap; coffer nonce list " + this; w.Device == "" {
			h.Hint = "sign a transaction at each where the key is; see them with coffer nonce list " + this
		}
	case BehindChain:
		h.Why = fmt.Sprintf("the chain has spent what the ledger would hand out: %s", h.Ranges())
		if h.Hint = "coffer sync " + this + " --from-chain"; f.count.Told {
			h.Hint = fmt.Sprintf("coffer sync %s %d", this, f.count.Latest)
		}
	case AheadOfChain:
		h.Why = fmt.Sprintf("no node knows of %s%s", h.Ranges(), f.saidBy())
		h.Hint = fmt.Sprintf("if the chain is right: coffer sync %s %d --force --reason TEXT", this, f.count.Latest)
		if f.finals() {
			h.Why = fmt.Sprintf("no node knows of %s, some of which were final", h.Ranges())
			h.Hint = "see that rpc in coffer.toml names nodes of the right chain, and that they are not behind"
		}
	case Unclear:
		h.Why, h.Hint = "the nodes do not agree", "coffer health "+this+" CHAIN_NONCE"
		if f.count.Err != nil {
			h.Why, h.Hint = f.count.Err.Error(), fault.Hint(f.count.Err)
		}
	}
}

func (h *Health) explainSequence(f healthFacts) {
	guard := "blockhash"
	if f.wallet.ChainType == string(wallet.BTC) {
		guard = "inputs"
	}
	h.Means = fmt.Sprintf("The nonce is coffer's own sequence number: there is no chain count to compare it with, and each payment is guarded by its %s.", guard)
	if h.Why = "nothing is in flight"; h.Verdict == InFlight {
		h.Why = fmt.Sprintf("in flight: %d asked, %d reserved", f.load.InFlight, f.load.Reserved)
	}
	if f.load.Free > 0 {
		h.Why += fmt.Sprintf("; %d free, which hold nothing up", f.load.Free)
	}
}

// Ranges writes the nonces as 0..4, 7.
func (h Health) Ranges() string {
	const most = 20
	var parts []string
	for i, r := range h.Nonces {
		switch {
		case i == most:
			return strings.Join(parts, ", ") + ", …"
		case r.From == r.To:
			parts = append(parts, fmt.Sprint(r.From))
		default:
			parts = append(parts, fmt.Sprintf("%d..%d", r.From, r.To))
		}
	}
	return strings.Join(parts, ", ")
}

// onTheWay counts what stands between the chain's count and the cursor.
func (f healthFacts) onTheWay() string {
	reserved, asked, signed := 0, 0, 0
	for _, s := range f.front.Slots {
		switch {
		case s.Signed:
			signed++
		case s.State == store.NonceReserved:
			reserved++
		default:
			asked++
		}
	}
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(signed, "signed")
	add(asked, "asked")
	add(reserved, "reserved")
	add(f.load.InFlight-f.load.Unmined, "in a block and not yet final")
	if !f.all {
		parts = append(parts, "and more")
	}
	if parts == nil { // what the pools hold is not ours
		return "what the nodes' pools hold"
	}
	return strings.Join(parts, ", ")
}

// finals: what was final is not below the chain's count.
func (f healthFacts) finals() bool {
	return slices.ContainsFunc(f.front.Slots, func(s store.Slot) bool { return s.Final })
}

// saidBy tells who said that nonces which no node knows of are spent.
func (f healthFacts) saidBy() string {
	if len(f.front.Externals) == 0 {
		return ""
	}
	e := f.front.Externals[len(f.front.Externals)-1]
	return fmt.Sprintf(", said to be spent by the %s: %s", e.Evidence, e.Reason)
}
