package evm

import (
	"errors"
	"testing"

	"coffer.internal/internal/chain"
)

func TestWhatSeveralNodesShowIsPutTogether(t *testing.T) {
	const nonce = 7
	in := func(block string, deep bool) view {
		return view{seen: &chain.Sighting{BlockNumber: 5, BlockHash: block, Success: true, Paid: true, Fee: "1"}, deep: deep}
	}
	failed := in("a", true)
	failed.seen.Success, failed.seen.Paid = false, false
	silent := view{problem: errors.New("silent")}
	waiting, spent := view{count: nonce}, view{count: nonce + 1}
	for _, c := range []struct {
		name  string
		views []view
		stage chain.Stage
		spent bool
	}{
		{"deep on all", []view{in("a", true), in("a", true)}, chain.StageFinal, false},
		{"deep on one only", []view{in("a", true), in("a", false)}, chain.StageMined, false},
		{"F06 deep on one, the other silent", []view{in("a", true), silent}, chain.StageMined, false},
		{"deep on one, the other behind", []view{waiting, in("a", true)}, chain.StageMined, false},
		{"in two blocks", []view{in("a", true), in("b", true)}, chain.StageUnknown, false},
		{"F37 one block, two outcomes", []view{in("a", true), failed}, chain.StageUnknown, false},
		{"mined on one, spent without it on the other", []view{in("a", true), spent}, chain.StageUnknown, false},
		{"nowhere", []view{waiting, waiting}, chain.StageAbsent, false},
		{"nowhere and spent on all", []view{spent, spent}, chain.StageAbsent, true},
		{"F12 nowhere and spent on one", []view{spent, waiting}, chain.StageAbsent, false},
		{"F06 nowhere on one, the other silent", []view{spent, silent}, chain.StageUnknown, false},
		{"all silent", []view{silent, silent}, chain.StageUnknown, false},
	} {
		got := merge(nonce, c.views)
		if got.Stage != c.stage || got.Spent != c.spent || (got.Note != "") != (c.stage == chain.StageUnknown) {
			t.Errorf("%s: %+v, not %s", c.name, got, c.stage)
		}
	}
}

func TestTheBestOfSeveralVerdictsStands(t *testing.T) {
	order := []chain.Verdict{
		chain.Accepted, chain.Known, chain.NonceTooLow, chain.Occupied, chain.Unknown, chain.Busy, chain.Unfunded, chain.Rejected,
	}
	if len(order) != len(rank) {
		t.Fatalf("%d verdicts have a rank", len(rank))
	}
	for i, v := range order {
		if rank[v] != i {
			t.Errorf("%s has rank %d, not %d", v, rank[v], i)
		}
	}
}
