package nonce

import (
	"context"
	"slices"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// Best is the wallet that the chain's strategy would choose now: the first of the two steps of choosing a wallet and then
// reserving a nonce of it. It reserves nothing, so it is unfair in a burst: until one of them has reserved, all callers are
// given the same wallet. ReserveBest is both steps under one lock, and what to use.
//
// If no wallet can be chosen the error is fault.Unavailable with each wallet's reason.
func (l *Ledger) Best(ctx context.Context, chainType string, chainID int64) (wallet.Wallet, error) {
	chain, err := parseChain(chainType, chainID)
	if err != nil {
		return wallet.Wallet{}, err
	}
	var f facts
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		f.others, err = r.Wallets(ctx, store.WalletFilter{ChainType: chain.chainType, ChainID: &chain.chainID, WalletType: string(wallet.Hot)})
		if err != nil {
			return err
		}
		f.Wallets = slices.DeleteFunc(slices.Clone(f.others), func(w store.Wallet) bool { return !w.Active || w.Device == "" })
		ids := make([]int64, len(f.Wallets))
		for i, w := range f.Wallets {
			ids[i] = w.ID
		}
		f.Loads, err = r.Loads(ctx, ids)
		return err
	})
	if err != nil {
		return wallet.Wallet{}, storefault.Of(err, "choose a wallet")
	}
	r := l.rules
	r.turn = l.looked.Add(1) - 1
	a, err := open(f, nil, r).choose(&call{kind: bestCall, chain: chain, count: 1, devices: l.devices.get(ctx)})
	if err != nil {
		return wallet.Wallet{}, err
	}
	return a.wallet(), nil
}
