package nonce

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
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
	r := l.rules
	r.turn = l.looked.Add(1) - 1
	c := &call{kind: bestCall, chain: chain, count: 1, devices: l.devices.get(ctx)}
	a, err := l.best(ctx, c, r)
	if errors.Is(err, fault.Unavailable) {
		// Before it says no: the cache may not know yet of a wallet that somebody else made or activated.
		l.cache.Drop(chain.chainType, chain.chainID, "")
		a, err = l.best(ctx, c, r)
	}
	if err != nil {
		return wallet.Wallet{}, err
	}
	return a.wallet(), nil
}

// best chooses from the wallets that the cache knows. What moves in their rows is read.
func (l *Ledger) best(ctx context.Context, c *call, r rules) (*account, error) {
	var f facts
	reading := l.cache.Begin()
	err := l.db.View(ctx, func(r store.Reader) error {
		hot, err := reading.Hot(ctx, r, c.chain.chainType, c.chain.chainID)
		if err != nil {
			return err
		}
		f, err = candidates(ctx, r, hot)
		return err
	})
	if err != nil {
		return nil, storefault.Of(err, "choose a wallet")
	}
	return open(f, nil, r).choose(c)
}

// candidates are the wallets that can be chosen, their rows as they are now; the others only give their reasons.
func candidates(ctx context.Context, r store.Reader, hot []store.Wallet) (f facts, err error) {
	ids := make([]int64, len(hot))
	for i, w := range hot {
		ids[i] = w.ID
	}
	loads, err := loadsOf(ctx, r, ids)
	if err != nil {
		return f, err
	}
	now := make(map[int64]store.Load, len(loads))
	for _, l := range loads {
		now[l.WalletID] = l
	}
	for _, w := range hot {
		l, there := now[w.ID]
		if !there {
			continue
		}
		w.Nonce, w.Active, w.UpdatedAt = l.Cursor, l.Active, l.UpdatedAt
		if f.others = append(f.others, w); w.Active && w.Device != "" {
			f.Wallets, f.Loads = append(f.Wallets, w), append(f.Loads, l)
		}
	}
	return f, nil
}
