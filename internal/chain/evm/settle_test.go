package evm_test

import (
	"strings"
	"testing"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
)

// geth keeps the state of 128 blocks. On chains that call a block final only later than that, its count is not there to be read.
func TestSpentForEverIsSaidAlsoWhereTheFinalBlocksStateIsGone(t *testing.T) {
	const deep = 140
	w := newTown(t, startGeth)
	watch := func() *evm.Chain {
		c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.proxy.URL()}, Confirmations: deep})
		must(t, err)
		t.Cleanup(c.Close)
		return c
	}
	c := watch()
	w.Mine(t, deep)
	ours := w.payment(t, c, "ours", "")
	w.expect(t, c, w.payment(t, c, "theirs", ""), chain.Accepted)
	w.Mine(t, 1)
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || s.SpentFinal {
		t.Fatalf("in the latest block: %+v", s)
	}
	w.Mine(t, deep-2)
	if s := w.see(t, c, ours, chain.StageAbsent); s.SpentFinal {
		t.Errorf("one block too early: %+v", s)
	}
	w.Mine(t, 1)
	// Who looks for the first time has nothing to go by, says so, and knows when as many blocks stand on it again.
	late := watch()
	if s := w.see(t, late, ours, chain.StageAbsent); !s.Spent || s.SpentFinal || !strings.Contains(s.Note, "not available") {
		t.Errorf("without having seen it: %+v", s)
	}
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || !s.SpentFinal || s.Note != "" {
		t.Errorf("having seen it: %+v", s)
	}
	w.Mine(t, deep-1)
	if s := w.see(t, late, ours, chain.StageAbsent); !s.SpentFinal {
		t.Errorf("having seen it for long enough: %+v", s)
	}
}

// What was marked in a block that a reorg left behind counts no more.
func TestF29AMarkInABlockLeftBehindSettlesNothing(t *testing.T) {
	const deep = 140
	w := newTown(t, startGeth)
	c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.proxy.URL()}, Confirmations: deep})
	must(t, err)
	t.Cleanup(c.Close)
	ours, theirs := w.payment(t, c, "ours", ""), w.payment(t, c, "theirs", "")
	w.Mine(t, deep) // so that the first final block is one whose state is gone
	parent := w.geth.Commit()
	w.expect(t, c, theirs, chain.Accepted)
	w.Mine(t, 1)
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || s.SpentFinal {
		t.Fatalf("marked: %+v", s)
	}
	must(t, w.geth.Fork(parent))
	w.geth.ClearPool()
	w.Mine(t, deep)
	if s := w.see(t, c, ours, chain.StageAbsent); s.Spent || s.SpentFinal {
		t.Fatalf("left behind: %+v", s)
	}
	w.expect(t, c, theirs, chain.Accepted)
	w.Mine(t, 1)
	if s := w.see(t, c, ours, chain.StageAbsent); !s.Spent || s.SpentFinal {
		t.Errorf("spent again, by a block that is not final: %+v", s)
	}
}
