package coffer

import (
	"context"
	"sync"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// ChainCount is an account's next nonce as the nodes count it.
type ChainCount struct {
	Latest  uint64 // in the latest block; the lowest, if the nodes do not agree
	Highest uint64 // in the latest block; the highest that a node says
	Pending uint64 // with what their pools hold: a hint only
	Agreed  bool   // every node says the same Latest
	Doubt   string // why they do not agree, with what each node says; empty if they do
}

// WalletCount is what the nodes say of one wallet.
type WalletCount struct {
	Wallet     wallet.Wallet
	Configured bool // the chain has nodes, and its wallets have account nonces
	Count      ChainCount
	Err        error // no node answered cleanly, or one is on another chain: Count says nothing
}

// CountsOf asks the nodes of EVM chains for the next nonces of many accounts, many in one request. The result is in order.
func (s *System) CountsOf(ctx context.Context, ws []wallet.Wallet) []WalletCount {
	out := make([]WalletCount, len(ws))
	for i, w := range ws {
		out[i].Wallet = w
	}
	var all sync.WaitGroup
	for _, setup := range s.chains {
		if accounts, ok := setup.Chain.(chain.Accounts); ok {
			all.Go(func() { countOn(ctx, setup, accounts, out) })
		}
	}
	all.Wait()
	return out
}

// countOn fills in what the nodes of one chain say of its wallets.
func countOn(ctx context.Context, setup withdrawal.ChainSetup, accounts chain.Accounts, out []WalletCount) {
	var places []int
	var addresses []string
	for i := range out {
		if w := out[i].Wallet; setup.Type == string(w.ChainType) && setup.ID == w.ChainID {
			places, addresses = append(places, i), append(addresses, w.Address)
		}
	}
	if places == nil {
		return
	}
	err := setup.Chain.Identify(ctx)
	var counts []chain.Count
	if err == nil {
		counts, err = accounts.Counts(ctx, addresses)
	}
	for k, i := range places {
		if out[i].Configured, out[i].Err = true, err; err != nil {
			continue
		}
		c := counts[k]
		out[i].Count = ChainCount{Latest: c.Latest, Highest: c.Highest, Pending: c.Pending, Agreed: c.Agreed, Doubt: c.Doubt}
		if c.Nodes == 0 {
			out[i].Err = fault.New(fault.Unreachable, "node_unreachable", "say it again, or see what the nodes answer",
				"no node answered cleanly: %s", c.Doubt)
		}
	}
}
