package strategy_test

import (
	"testing"

	"pgregory.net/rapid"

	"coffer.internal/strategy"
)

func TestTheLowestCursorIsChosenAndEqualsTakeTurns(t *testing.T) {
	cs := []strategy.Candidate{{WalletID: 1, Nonce: 7}, {WalletID: 2, Nonce: 3}, {WalletID: 3, Nonce: 9}, {WalletID: 4, Nonce: 3}}
	for turn, want := range []int{1, 3, 1, 3} {
		if got := (strategy.LowestNonce{}).Choose(cs, uint64(turn)); got != want {
			t.Errorf("turn %d chose index %d, want %d", turn, got, want)
		}
	}
}

func TestNoChoiceIsEverAboveTheLowestCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cursors := rapid.SliceOfN(rapid.Uint64Range(0, 5), 1, 20).Draw(t, "cursors")
		turn := rapid.Uint64().Draw(t, "turn")
		cs := make([]strategy.Candidate, len(cursors))
		for i, c := range cursors {
			cs[i] = strategy.Candidate{WalletID: int64(i + 1), Nonce: c}
		}
		got := (strategy.LowestNonce{}).Choose(cs, turn)
		for _, c := range cursors {
			if c < cursors[got] {
				t.Fatalf("chose cursor %d though there is %d", cursors[got], c)
			}
		}
	})
}

func TestABurstOverEqualWalletsIsSharedEvenly(t *testing.T) {
	cs := make([]strategy.Candidate, 8)
	given := make([]int, len(cs))
	for turn := range uint64(200) {
		i := (strategy.LowestNonce{}).Choose(cs, turn)
		cs[i].Nonce++
		given[i]++
	}
	for i, n := range given {
		if n != 25 {
			t.Errorf("wallet %d got %d of 200, want 25", i, n)
		}
	}
}
