package evm

import (
	"fmt"
	"strings"
	"time"

	"coffer.internal/internal/chain"
)

// view is what one node shows of one transaction: a problem (no clean answer), a receipt in a block of its chain, or,
// with neither, cleanly nothing.
type view struct {
	node    string
	problem error
	seen    *chain.Sighting // its stage and time are not set
	at      time.Time       // of its block
	deep    bool            // seen in a block that is deep enough on this node

	// With nothing seen: the account's next nonce in the latest block, and in the highest final one (0, or unsettled, if that is not
	// known).
	count, settled uint64
	unsettled      error
}

// spent says that the node's chain has spent the nonce on something else.
func (v view) spent(nonce uint64) bool { return v.problem == nil && v.seen == nil && v.count > nonce }

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

// merge puts the configured nodes' views of a transaction with this nonce together.
//
// In a block it is where the majority has it in the same block with the same outcome, and final where the majority has that block deep
// enough. In none it is where the majority says so and nobody has it in one. All other things are unknown: they decide nothing, and
// neither does a node that is silent. All is what every node shows alike; the note says who does not.
func merge(nonce uint64, views []view) chain.Sighting {
	majority := len(views)/2 + 1
	seen, same := mostSeen(views)
	absent := 0
	for _, v := range views {
		if v.problem == nil && v.seen == nil {
			absent++
		}
	}
	var s chain.Sighting
	switch {
	case same >= majority:
		s = *seen
		s.Stage, s.BlockTime = chain.StageMined, blockTime(views, seen)
		if deep(views, seen) >= majority {
			s.Stage = chain.StageFinal
		}
	case absent >= majority && seen == nil:
		s.Stage = chain.StageAbsent
	default:
		s.Stage = chain.StageUnknown
	}
	doubts := doubts(nonce, views, s, seen)
	s.Note = strings.Join(doubts, "; ")
	if s.All = len(doubts) == 0; s.All && s.Stage == chain.StageAbsent {
		s.Spent, s.SpentFinal, s.Note = settled(nonce, views)
	}
	return s
}

// mostSeen is what most nodes that have it in a block show, and how many these are; of several the first.
func mostSeen(views []view) (most *chain.Sighting, same int) {
	for _, v := range views {
		n := 0
		for _, o := range views {
			if v.alike(o) {
				n++
			}
		}
		if n > same {
			most, same = v.seen, n
		}
	}
	return most, same
}

// blockTime is the time of the block that was seen. It is a part of the block, so whoever has the block says the same.
func blockTime(views []view, seen *chain.Sighting) time.Time {
	for _, v := range views {
		if v.shows(seen) && !v.at.IsZero() {
			return v.at
		}
	}
	return time.Time{}
}

// alike says that two nodes have it in the same block, with the same outcome.
func (v view) alike(o view) bool { return o.problem == nil && v.shows(o.seen) }

func (v view) shows(seen *chain.Sighting) bool {
	return v.problem == nil && v.seen != nil && seen != nil && *v.seen == *seen
}

// deep is how many have what was seen deep enough.
func deep(views []view, seen *chain.Sighting) (n int) {
	for _, v := range views {
		if v.shows(seen) && v.deep {
			n++
		}
	}
	return n
}

// doubts say which nodes do not show what was concluded, or, where nothing was, what each shows.
func doubts(nonce uint64, views []view, s chain.Sighting, seen *chain.Sighting) (doubts []string) {
	doubt := func(format string, args ...any) { doubts = append(doubts, fmt.Sprintf(format, args...)) }
	for _, v := range views {
		switch {
		case v.problem != nil:
			doubt("%v", v.problem)
		case s.Stage == chain.StageAbsent && v.seen == nil:
		case v.spent(nonce):
			doubt("%s has it in no block, and nonce %d spent without it", v.node, nonce)
		case v.seen == nil:
			doubt("%s has it in no block", v.node)
		case v.shows(seen) && s.Stage == chain.StageFinal && !v.deep:
			doubt("%s has it in block %s, not deep enough yet", v.node, v.seen.BlockHash)
		case s.Stage != chain.StageUnknown && v.shows(seen):
		case s.Stage != chain.StageUnknown && v.seen.BlockHash == seen.BlockHash:
			doubt("%s says otherwise what became of it in block %s", v.node, v.seen.BlockHash)
		default:
			doubt("%s has it in block %s", v.node, v.seen.BlockHash)
		}
	}
	return doubts
}

// settled says whether every node's chain has spent the nonce on something else, and whether for ever; and if that cannot be said,
// why.
func settled(nonce uint64, views []view) (spent, final bool, why string) {
	spent, final = true, true
	for _, v := range views {
		spent = spent && v.spent(nonce)
		final = final && v.settled > nonce
		if v.unsettled != nil {
			why = v.unsettled.Error()
		}
	}
	if !spent {
		return false, false, ""
	}
	return spent, final, why
}
