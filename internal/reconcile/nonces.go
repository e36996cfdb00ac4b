package reconcile

import (
	"fmt"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

// judgeNonces makes differences of the nonces of a wallet that its ledger and its chain do not account for alike. The chain was counted
// before the ledger was read: what it has spent of ours was asked for here before.
func judgeNonces(w store.Wallet, count chain.Count, us []store.Unaccounted) (all []Difference) {
	for _, u := range us {
		first, last := u.From, u.To
		d := Difference{ChainType: w.ChainType, ChainID: w.ChainID, Address: w.Address, Nonce: &first}
		if last > first {
			d.To = &last
		}
		switch {
		case u.Spent:
			d.Code, d.Expected, d.Found = UnexplainedSpend, fmt.Sprintf("who spent it: the chain counts %d", count.Latest), rowState(u)
		case u.From < count.Highest: // nodes are not at the same block: it may be spent by now
			continue
		case u.Final:
			d.Code, d.Expected, d.Found = SpentOnlyHere, "a nonce below the chain's count, for it has a final attempt", fmt.Sprintf("the chain counts %d", count.Highest)
		default:
			d.Code, d.Expected, d.Found = UsedForNothing, "an attempt under way", "none"
		}
		d.ToDo = d.advice()
		all = append(all, d)
	}
	return all
}

func rowState(u store.Unaccounted) string {
	switch {
	case u.State == "":
		return "nothing: it was never handed out here"
	case u.Request != "":
		return fmt.Sprintf("%s for %s, without a transaction", u.State, u.Request)
	}
	return u.State + ", without a transaction"
}
