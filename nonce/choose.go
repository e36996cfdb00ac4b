package nonce

import (
	"fmt"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/strategy"
)

// choose lets the chain's strategy choose a wallet for a best call.
func (b *book) choose(c *call) (*account, error) {
	if c.devices.err != nil {
		return nil, c.devices.err
	}
	return b.pick(c.chain, func(a *account) string {
		if o := unfit(a.row, c.chain, c.devices); o.why != "" {
			return o.why
		}
		if o := braked(a.row, a.load); o.why != "" {
			return o.why
		}
		if !a.hasNonces(c.count) {
			return fmt.Sprintf("its cursor is at %d, and none goes above %d", a.row.Nonce, MaxCursor)
		}
		return ""
	})
}

// pick offers the wallets of a chain that have nothing against them to its strategy. against says why a wallet cannot be
// chosen, or nothing.
//
// The strategy may be a program's own. One that panics or answers nonsense refuses this caller and no other.
func (b *book) pick(chain pool, against func(*account) string) (*account, error) {
	how, err := b.strategy(chain.chainType, chain.chainID)
	if err != nil {
		return nil, err
	}
	offered, cs := make([]*account, 0, len(b.order)), make([]strategy.Candidate, 0, len(b.order))
	var reasons []string
	for _, a := range b.order {
		if poolOf(a.row) != chain {
			continue
		}
		if why := against(a); why != "" {
			reasons = append(reasons, a.row.Address+": "+why)
			continue
		}
		offered = append(offered, a)
		cs = append(cs, strategy.Candidate{
			WalletID: a.row.ID, Address: a.row.Address, Nonce: a.row.Nonce,
			InFlight: a.load.InFlight + a.load.Reserved + len(a.given), Turn: a.turn, Changed: a.row.UpdatedAt,
		})
	}
	if len(offered) == 0 {
		b.unavailable = true
		return nil, unavailable(chain, append(reasons, b.unfitOthers(chain)...))
	}
	i, err := ask(how, cs, b.turn)
	if err != nil {
		return nil, err
	}
	b.turn++
	a := offered[i]
	a.turn, b.chosen[a.row.ID] = b.turn, b.turn
	return a, nil
}

// ask lets a strategy choose, and bears what it does.
func ask(how strategy.Strategy, cs []strategy.Candidate, turn uint64) (i int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Refused, "strategy_panicked", "repair the strategy, or name another one in coffer.toml",
				"strategy %q panicked: %v", how.Name(), p)
		}
	}()
	offered := len(cs)
	if i = how.Choose(cs, turn); i < 0 || i >= offered {
		return 0, fault.New(fault.Refused, "bad_choice", "repair the strategy, or name another one in coffer.toml",
			"strategy %q chose wallet %d of %d", how.Name(), i, offered)
	}
	return i, nil
}

// unfitOthers gives the reasons of the chain's hot wallets that were not locked.
func (b *book) unfitOthers(chain pool) []string {
	var reasons []string
	for _, w := range b.others {
		if poolOf(w) == chain && b.accounts[w.ID] == nil {
			if o := unfit(w, chain, devices{any: true}); o.why != "" {
				reasons = append(reasons, w.Address+": "+o.why)
			}
		}
	}
	return reasons
}

// maxReasons is how many wallets an error names.
const maxReasons = 50

func unavailable(chain pool, reasons []string) error {
	if len(reasons) == 0 {
		return fault.New(fault.Unavailable, "no_wallet", fmt.Sprintf("coffer create-hot %d %s", chain.chainID, chain.chainType),
			"no wallet on %s can take it: there is no hot wallet", chain)
	}
	if n := len(reasons); n > maxReasons {
		reasons = append(reasons[:maxReasons:maxReasons], fmt.Sprintf("and %d more", n-maxReasons))
	}
	return fault.New(fault.Unavailable, "no_wallet", fmt.Sprintf("coffer list %d", chain.chainID),
		"no wallet on %s can take it: %s", chain, strings.Join(reasons, "; "))
}
