package evm

import (
	"errors"
	"strings"
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
	left := in("a", true) // a receipt of a block that the node does not have
	left.problem = errors.New("left behind")
	waiting, spent := view{count: nonce}, view{count: nonce + 1}
	settled := view{count: nonce + 1, settled: nonce + 1}
	old := view{count: nonce + 1, unsettled: errors.New("no state")}
	const (
		unknown, absent, mined, final = chain.StageUnknown, chain.StageAbsent, chain.StageMined, chain.StageFinal
	)
	type spending struct{ spent, final bool }
	for _, c := range []struct {
		name  string
		views []view
		stage chain.Stage
		all   bool
		spent spending
		note  string // part of it; with "" there is none
	}{
		{"one node, deep", []view{in("a", true)}, final, true, spending{}, ""},
		{"one node, silent", []view{silent}, unknown, false, spending{}, "silent"},
		{"deep on both", []view{in("a", true), in("a", true)}, final, true, spending{}, ""},
		{"deep on one of two", []view{in("a", true), in("a", false)}, mined, true, spending{}, ""},
		{"F06 deep on one, the other silent", []view{in("a", true), silent}, unknown, false, spending{}, "silent"},
		{"deep on one, the other behind", []view{waiting, in("a", true)}, unknown, false, spending{}, "n0 has it in no block"},
		{"in two blocks", []view{in("a", true), in("b", true)}, unknown, false, spending{}, "n1 has it in block b"},
		{"F37 one block, two outcomes", []view{in("a", true), failed}, unknown, false, spending{}, "n1 has it in block a"},
		{"mined on one, spent without it on the other", []view{in("a", true), spent}, unknown, false, spending{}, "n1 has it in no block, and nonce 7 spent"},
		{"deep on three", []view{in("a", true), in("a", true), in("a", true)}, final, true, spending{}, ""},
		{"deep on two of three, the third not that far", []view{in("a", true), in("a", false), in("a", true)}, final, false, spending{}, "n1 has it in block a, not deep enough"},
		{"deep on one of three, in the block of all", []view{in("a", true), in("a", false), in("a", false)}, mined, true, spending{}, ""},
		{"F06 deep on two of three, the third silent", []view{in("a", true), silent, in("a", true)}, final, false, spending{}, "silent"},
		{"deep on two of three, the third behind", []view{waiting, in("a", true), in("a", true)}, final, false, spending{}, "n0 has it in no block"},
		{"F37 in one block on two, in another on the third", []view{in("b", true), in("a", true), in("a", true)}, final, false, spending{}, "n0 has it in block b"},
		{"F37 two of three say success, the third a failure", []view{in("a", true), failed, in("a", true)}, final, false, spending{}, "n1 says otherwise"},
		{"mined on two, spent without it on the third", []view{in("a", false), in("a", false), spent}, mined, false, spending{}, "n2 has it in no block, and nonce 7 spent"},
		{"a third node gives a receipt of a block left behind", []view{in("a", false), in("a", false), left}, mined, false, spending{}, "left behind"},
		{"mined on one of three, the others silent", []view{silent, in("a", true), silent}, unknown, false, spending{}, "silent"},
		{"in three blocks", []view{in("a", true), in("b", true), in("c", true)}, unknown, false, spending{}, "n2 has it in block c"},
		{"two of four have it", []view{in("a", true), in("a", true), silent, waiting}, unknown, false, spending{}, "n0 has it in block a"},
		{"nowhere", []view{waiting, waiting}, absent, true, spending{}, ""},
		{"nowhere on two of three, the third silent", []view{waiting, silent, waiting}, absent, false, spending{}, "silent"},
		{"nowhere on two of three, in a block of the third", []view{waiting, in("a", true), waiting}, unknown, false, spending{}, "n1 has it in block a"},
		{"nowhere on one of two, the other silent", []view{waiting, silent}, unknown, false, spending{}, "silent"},
		{"nowhere and spent on all", []view{spent, spent}, absent, true, spending{true, false}, ""},
		{"nowhere and spent on all, for ever on one", []view{settled, spent}, absent, true, spending{true, false}, ""},
		{"nowhere and spent on all for ever", []view{settled, settled}, absent, true, spending{true, true}, ""},
		{"nowhere and spent on all, one keeps no old state", []view{settled, old}, absent, true, spending{true, false}, "no state"},
		{"nowhere and spent on all, for ever on the other", []view{spent, settled}, absent, true, spending{true, false}, ""},
		{"F12 nowhere and spent on the other", []view{waiting, spent}, absent, true, spending{}, ""},
		{"F12 nowhere and spent on one", []view{spent, waiting}, absent, true, spending{}, ""},
		{"F06 nowhere and spent on two for ever, the third silent", []view{settled, silent, settled}, absent, false, spending{}, "silent"},
		{"F06 nowhere on one, the other silent", []view{spent, silent}, unknown, false, spending{}, "nonce 7 spent without it"},
		{"all silent", []view{silent, silent}, unknown, false, spending{}, "silent"},
	} {
		for i := range c.views {
			c.views[i].node = "n" + string(rune('0'+i))
		}
		got := merge(nonce, c.views)
		if got.Stage != c.stage || got.All != c.all || got.Spent != c.spent.spent || got.SpentFinal != c.spent.final {
			t.Errorf("%s: %+v", c.name, got)
		}
		if (got.Note == "") != (c.note == "") || !strings.Contains(got.Note, c.note) {
			t.Errorf("%s: the note is %q, not %q", c.name, got.Note, c.note)
		}
		if inBlock := c.stage == mined || c.stage == final; inBlock != (got.BlockHash == "a" && got.Paid) {
			t.Errorf("%s: %+v", c.name, got)
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
