package coffer

import (
	"context"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// Health asks the nodes for the wallets' counts, in batches, and judges each wallet's nonces. A chain that cannot be asked is
// no error: its wallets' verdict is unknown, with the reason.
func (s *System) Health(ctx context.Context, ws []wallet.Wallet) ([]nonce.Health, error) {
	return s.HealthOf(ctx, s.CountsOf(ctx, ws))
}

// HealthOf is Health for wallets that were counted already.
func (s *System) HealthOf(ctx context.Context, counts []WalletCount) ([]nonce.Health, error) {
	calls := make([]nonce.HealthCall, len(counts))
	for i, c := range counts {
		n := c.Count
		calls[i] = nonce.HealthCall{Wallet: c.Wallet, Count: nonce.HealthCount{
			Latest: n.Latest, Highest: n.Highest, Pending: n.Pending, Agreed: n.Agreed, Err: c.Unknown(),
		}}
		if c.Wallet.ChainType == wallet.EVM && !c.Configured {
			w := c.Wallet
			calls[i].Count.Err = fault.New(fault.Refused, "no_node",
				fmt.Sprintf("coffer health %s %d CHAIN_NONCE, or set rpc of [chain.evm.%d] in coffer.toml", w.Address, w.ChainID, w.ChainID),
				"chain evm %d has no node in coffer.toml", w.ChainID)
		}
	}
	return s.Nonces.Health(ctx, calls)
}

// HealthAt judges a wallet's nonces by what somebody says that the chain counts; no node is asked.
func (s *System) HealthAt(ctx context.Context, w wallet.Wallet, latest uint64) (nonce.Health, error) {
	all, err := s.Nonces.Health(ctx, []nonce.HealthCall{{Wallet: w, Count: nonce.HealthCount{
		Latest: latest, Highest: latest, Pending: latest, Agreed: true, Told: true,
	}}})
	if err != nil {
		return nonce.Health{}, err
	}
	return all[0], nil
}
