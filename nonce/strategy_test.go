package nonce_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
	"coffer.internal/strategy"
)

// by is a ledger that chooses by one strategy.
func (c ledgerCase) by(s strategy.Strategy) *nonce.Ledger {
	return c.ledger(nonce.Options{Strategy: func(string, int64) (strategy.Strategy, error) { return s, nil }})
}

func (c ledgerCase) best(l *nonce.Ledger, request string) (nonce.Reservation, error) {
	return l.ReserveBest(c.Context(), nonce.BestCall{ChainType: "evm", ChainID: chainID, Request: request})
}

// chosen reserves once and says of which wallet.
func (c ledgerCase) chosen(l *nonce.Ledger, request string) string {
	c.Helper()
	r, err := c.best(l, request)
	if err != nil {
		c.Fatal(err)
	}
	return r.Wallet.Address
}

func TestABurstIsSharedEvenlyByEveryStrategy(t *testing.T) {
	for _, s := range strategy.BuiltIn() {
		t.Run(s.Name(), func(t *testing.T) {
			onBoth(t, func(c ledgerCase) {
				for i := 1; i <= 8; i++ {
					c.hot(i)
				}
				c.burst(c.by(s))
			})
		})
	}
}

func TestLeastInFlightKeepsAwayFromWalletsWithPaymentsInFlight(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		asked, reserved, idle := c.hot(1), c.hot(2), c.hot(3)
		l := c.by(strategy.LeastInFlight{})
		// The idle wallet has the highest cursor, and its nonces are free again: lowest-nonce would never choose it.
		r := c.reserve(l, idle, "before", 9)
		for _, row := range r.Rows {
			if err := l.Release(c.Context(), idle.Address, chainID, row.Nonce, row.Fence); err != nil {
				c.Fatal(err)
			}
		}
		r = c.reserve(l, asked, "paying", 3)
		for row := range r.Rows {
			c.ask(asked, r, row)
		}
		c.reserve(l, reserved, "waiting", 2)
		for i, want := range []string{idle.Address, idle.Address} {
			if got := c.chosen(l, fmt.Sprint("r", i)); got != want {
				c.Errorf("choice %d is %s, want the idle %s", i, got, want)
			}
		}
		// Now it has as much as the second one, which waits longer.
		if got := c.chosen(l, "next"); got != reserved.Address {
			c.Errorf("of equals %s was chosen, want %s", got, reserved.Address)
		}
	})
}

func TestRoundRobinGivesEachWalletItsTurnWhateverItsCursor(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		high, _, _ := c.hot(1), c.hot(2), c.hot(3)
		l := c.by(strategy.RoundRobin{})
		// What was given back is given again without a move of the cursor, so nothing in its row says that it had its turn.
		for _, row := range c.reserve(l, high, "before", 9).Rows {
			if err := l.Release(c.Context(), high.Address, chainID, row.Nonce, row.Fence); err != nil {
				c.Fatal(err)
			}
		}
		var order []string
		for i := range 9 {
			order = append(order, c.chosen(l, fmt.Sprint("r", i)))
		}
		for i, got := range order {
			if i >= 3 && got != order[i-3] {
				c.Errorf("choice %d is %s, want the order of the first round: %v", i, got, order)
			}
		}
		if order[0] == order[1] || order[1] == order[2] || order[0] == order[2] {
			c.Errorf("the first round is %v", order[:3])
		}
	})
}

// Each command line is a process of its own, which has chosen nothing yet.
func TestProcessesThatFollowEachOtherTakeTurnsToo(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		c.hot(1)
		c.hot(2)
		c.hot(3)
		seen := map[string]int{}
		for i := range 6 {
			seen[c.chosen(c.by(strategy.RoundRobin{}), fmt.Sprint("r", i))]++
		}
		for i := 1; i <= 3; i++ {
			if seen[address(i)] != 2 {
				c.Errorf("six processes chose %v", seen)
			}
		}
	})
}

// faulty is a strategy that does what a test wants of it.
type faulty struct{ answer func() int }

func (faulty) Name() string                                  { return "broken" }
func (b faulty) Choose(_ []strategy.Candidate, _ uint64) int { return b.answer() }

func TestAStrategyThatPanicsRefusesItsCallerAndLosesNoNonce(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		answer := func() int { panic("index out of range [7]") }
		l := c.by(faulty{func() int { return answer() }})
		if _, err := c.best(l, "r-1"); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), `strategy "broken" panicked: index out of range [7]`) {
			c.Errorf("a panic: %v", err)
		}
		if _, err := l.Best(c.Context(), "evm", chainID); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), `"broken"`) {
			c.Errorf("a panic in Best: %v", err)
		}
		answer = func() int { return 1 }
		if _, err := c.best(l, "r-1"); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), `strategy "broken" chose wallet 1 of 1`) {
			c.Errorf("an index out of range: %v", err)
		}
		// Whoever names the wallet is not touched by it, and the next choice gets the first nonce that there is.
		c.reserve(l, w, "named", 1)
		answer = func() int { return 0 }
		r, err := c.best(l, "r-1")
		if err != nil || r.Rows[0].Nonce != 1 {
			c.Errorf("%+v, %v; want nonce 1", r.Rows, err)
		}
		c.rows(w)
	})
}

func TestAnUnknownStrategyRefusesWhoNeedsAChoiceAndNobodyElse(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		if _, err := c.best(c.by(strategy.LowestNonce{}), "known"); err != nil {
			c.Fatal(err)
		}
		unknown := fault.New(fault.Usage, "unknown_strategy", "name another", "no strategy of that name")
		l := c.ledger(nonce.Options{Strategy: func(string, int64) (strategy.Strategy, error) { return nil, unknown }})
		if _, err := c.best(l, "r-1"); !errors.Is(err, fault.Usage) {
			c.Errorf("reserve best: %v", err)
		}
		if _, err := l.Best(c.Context(), "evm", chainID); !errors.Is(err, fault.Usage) {
			c.Errorf("best: %v", err)
		}
		if r, err := c.best(l, "known"); err != nil || !r.Again {
			c.Errorf("the same request again: %+v, %v", r, err)
		}
		c.reserve(l, w, "named", 1)
	})
}
