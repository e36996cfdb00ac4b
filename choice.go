package coffer

import (
	"coffer.internal/internal/fault"
	"coffer.internal/strategy"
)

// choice is how the wallet of each chain is chosen: the names of coffer.toml, and the strategies that this program knows.
// The two may differ, because a file may hold a name that only another program knows; whoever does not choose is not held up.
type choice struct {
	chains []Chain
	known  strategy.Set
}

func newChoice(c Config, known strategy.Set) choice { return choice{c.Chains, known} }

// of is the strategy of a chain; one that is not in coffer.toml has the default.
func (c choice) of(chainType string, chainID int64) (strategy.Strategy, error) {
	for _, ch := range c.chains {
		if ch.Type == chainType && ch.ID == chainID {
			return c.find(ch)
		}
	}
	return strategy.LowestNonce{}, nil
}

func (c choice) find(ch Chain) (strategy.Strategy, error) {
	if ch.Strategy == "" { // a Config that a program made itself
		return strategy.LowestNonce{}, nil
	}
	if s, ok := c.known.Lookup(ch.Strategy); ok {
		return s, nil
	}
	return nil, fault.New(fault.Usage, "unknown_strategy", "name one of them in coffer.toml, or run the program that brings it (docs/strategy.md)",
		"chain.%s.%d.strategy = %q is not a strategy of this program, which knows %s", ch.Type, ch.ID, ch.Strategy, c.known)
}

// check refuses the first chain whose strategy is not known.
func (c choice) check() error {
	for _, ch := range c.chains {
		if _, err := c.find(ch); err != nil {
			return err
		}
	}
	return nil
}
