package strategy_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coffer.internal/internal/fault"
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
		cs := candidates(t)
		got := cs[strategy.LowestNonce{}.Choose(cs, rapid.Uint64().Draw(t, "turn"))]
		for _, c := range cs {
			if c.Nonce < got.Nonce {
				t.Fatalf("chose cursor %d though there is %d", got.Nonce, c.Nonce)
			}
		}
	})
}

func TestNobodyIsChosenBeforeWhoWaitedLonger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cs := candidates(t)
		got := cs[strategy.RoundRobin{}.Choose(cs, rapid.Uint64().Draw(t, "turn"))]
		for _, c := range cs {
			if c.Turn < got.Turn || c.Turn == 0 && got.Turn == 0 && c.Changed.Before(got.Changed) {
				t.Fatalf("chose %+v though %+v waited longer", got, c)
			}
		}
	})
}

func TestNobodyIsChosenWhileAnotherHasLessInFlight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cs := candidates(t)
		got := cs[strategy.LeastInFlight{}.Choose(cs, rapid.Uint64().Draw(t, "turn"))]
		for _, c := range cs {
			if c.InFlight < got.InFlight || c.InFlight == got.InFlight && c.Turn < got.Turn {
				t.Fatalf("chose %+v though there is %+v", got, c)
			}
		}
	})
}

// candidates draws wallets in any state. No two of them were chosen in the same turn.
func candidates(t *rapid.T) []strategy.Candidate {
	n := rapid.IntRange(1, 20).Draw(t, "wallets")
	turns := rapid.Permutation(slices.Collect(func(yield func(uint64) bool) {
		for i := range uint64(n) {
			if !yield(i + 1) {
				return
			}
		}
	})).Draw(t, "turns")
	cs := make([]strategy.Candidate, n)
	for i := range cs {
		cs[i] = strategy.Candidate{
			WalletID: int64(i + 1), Nonce: rapid.Uint64Range(0, 5).Draw(t, "cursor"), InFlight: rapid.IntRange(0, 4).Draw(t, "in flight"),
			Changed: time.Unix(rapid.Int64Range(0, 3).Draw(t, "changed"), 0),
		}
		if rapid.Bool().Draw(t, "chosen before") {
			cs[i].Turn = turns[i]
		}
	}
	return cs
}

// Any wallets may drop out for a while and come back: over every stretch in which a wallet can be chosen all the time, no
// other one is chosen twice before it.
func TestRoundRobinPassesNobodyOverTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const wallets = 6
		last := [wallets]uint64{}
		since := [wallets][wallets]int{} // how often j was chosen since i was, while i could be
		for turn := range uint64(60) {
			var cs []strategy.Candidate
			for i := range wallets {
				if rapid.IntRange(0, 3).Draw(t, "there") > 0 {
					cs = append(cs, strategy.Candidate{WalletID: int64(i), Turn: last[i]})
				} else {
					since[i] = [wallets]int{}
				}
			}
			if len(cs) == 0 {
				continue
			}
			got := cs[strategy.RoundRobin{}.Choose(cs, turn)].WalletID
			last[got] = turn + 1
			since[got] = [wallets]int{}
			for _, c := range cs {
				if c.WalletID == got {
					continue
				}
				if since[c.WalletID][got]++; since[c.WalletID][got] > 1 {
					t.Fatalf("turn %d: wallet %d again, and wallet %d waits", turn, got, c.WalletID)
				}
			}
		}
	})
}

func TestEveryStrategySharesABurstOverEqualWalletsEvenly(t *testing.T) {
	for _, s := range strategy.BuiltIn() {
		t.Run(s.Name(), func(t *testing.T) {
			cs := make([]strategy.Candidate, 8)
			given := make([]int, len(cs))
			for turn := range uint64(200) {
				i := s.Choose(cs, turn)
				cs[i].Nonce++
				cs[i].InFlight++
				cs[i].Turn = turn + 1
				given[i]++
			}
			for i, n := range given {
				if n != 25 {
					t.Errorf("wallet %d got %d of 200, want 25", i, n)
				}
			}
		})
	}
}

// own is a strategy of a program's own.
type own string

func (o own) Name() string                          { return string(o) }
func (own) Choose([]strategy.Candidate, uint64) int { return 0 }

func TestASetKnowsTheBuiltInOnesAndTheProgramsOwn(t *testing.T) {
	s, err := strategy.NewSet(own("newest-first"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); got != "least-in-flight, lowest-nonce, newest-first, round-robin" {
		t.Error(got)
	}
	if got, ok := s.Lookup("newest-first"); !ok || got.Name() != "newest-first" {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := s.Lookup("best"); ok {
		t.Error("it knows one that nobody brought")
	}
}

func TestANameThatIsTakenOrMalformedIsRefused(t *testing.T) {
	for name, set := range map[string][]strategy.Strategy{
		"built in": {own("round-robin")}, "twice": {own("mine"), own("mine")}, "empty": {own("")}, "upper case": {own("Mine")},
		"a space": {own("my own")}, "a hyphen at the end": {own("mine-")}, "nothing": {nil},
		"too long": {own("a23456789-123456789-123456789-123456789-1")},
	} {
		if _, err := strategy.NewSet(set...); !errors.Is(err, fault.Usage) || fault.Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
