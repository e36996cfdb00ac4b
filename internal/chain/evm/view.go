package evm

import (
	"fmt"

	"coffer.internal/internal/chain"
)

// view is what one node shows of one transaction: a problem (no clean answer), a receipt in a block of its chain, or,
// with neither, cleanly nothing.
type view struct {
	problem error
	seen    *chain.Sighting // its stage is not set
	deep    bool            // seen in a block that is deep enough on this node
	count   uint64          // with nothing seen: the account's next nonce in the latest block
}

// judgeDepth sets deep. Not knowing how deep is a problem only for what is in a block.
func (v *view) judgeDepth(h horizon) {
	switch {
	case v.problem != nil || v.seen == nil:
	case h.problem != nil:
		v.problem = h.problem
	default:
		v.deep = !h.none && v.seen.BlockNumber <= h.final
	}
}

// merge puts the nodes' views of a transaction with this nonce together.
//
// Final needs every configured node: the same block, the same outcome, deep enough on each. Absent needs every node too.
// Mined needs one node, because it decides nothing: another that is behind or silent does not make it unknown, but
// one that has it in another block, or whose chain has spent the nonce without it, does.
func merge(nonce uint64, views []view) chain.Sighting {
	var seen *chain.Sighting
	final, spent := true, true
	var problem error
	for _, v := range views {
		switch {
		case v.problem != nil:
			problem, final = v.problem, false
		case v.seen == nil:
			final, spent = false, spent && v.count > nonce
		case seen == nil:
			seen, final = v.seen, final && v.deep
		case v.seen.BlockHash != seen.BlockHash:
			return unknown("nodes disagree: in block %s, and in block %s", seen.BlockHash, v.seen.BlockHash)
		case *v.seen != *seen:
			return unknown("nodes disagree on what became of it in block %s", seen.BlockHash)
		default:
			final = final && v.deep
		}
	}
	switch {
	case seen == nil && problem != nil:
		return unknown("%v", problem)
	case seen == nil:
		return chain.Sighting{Stage: chain.StageAbsent, All: true, Spent: spent}
	}
	for _, v := range views {
		if v.problem == nil && v.seen == nil && v.count > nonce {
			return unknown("nodes disagree: in block %s, and nonce %d spent without it", seen.BlockHash, nonce)
		}
	}
	s := *seen
	s.Stage = chain.StageMined
	if final {
		s.Stage, s.All = chain.StageFinal, true
	}
	return s
}

func unknown(format string, args ...any) chain.Sighting {
	return chain.Sighting{Stage: chain.StageUnknown, Note: fmt.Sprintf(format, args...)}
}
