package withdrawal

import (
	"context"
	"errors"
	"math/big"
	"slices"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// fill asks for a transfer of nothing from a wallet to itself at each nonce that holds up those above it: one whose only
// attempts were refused, which can never be given again; and, if no payment can take it, a free one below a signed one. It
// says how many it asked.
func (l *lane) fill(ctx context.Context, freeToo bool) (int, error) {
	gaps, wallets, err := l.gaps(ctx, freeToo)
	if err != nil || len(gaps) == 0 {
		return 0, err
	}
	l.reachable.known(ctx)
	gaps = slices.DeleteFunc(gaps, func(n store.Nonce) bool { return !l.signs(n.WalletID) })
	if len(gaps) == 0 {
		return 0, nil
	}
	ledger, err := ledgerID(ctx, l.db)
	if err != nil {
		return 0, err
	}
	orders := make([]chain.Order, len(gaps))
	for i, n := range gaps {
		from := wallets[n.WalletID].Address
		orders[i] = chain.Order{
			Ledger: ledger, Purpose: signing.PurposeGapFill, ChainID: l.setup.ID, From: from, Nonce: n.Nonce,
			Payment: chain.Payment{To: from, Amount: new(big.Int)},
		}
	}
	drafts, err := l.chain.Draft(ctx, orders)
	if err != nil {
		return 0, err
	}
	var asks []store.Ask
	for i, n := range gaps {
		if drafts[i].Wait == "" { // else later, when fees have fallen
			asks = append(asks, askOf(n.WalletID, n.Fence, drafts[i].Intent, "", 0))
		}
	}
	n, err := l.write(ctx, walletsAsked(asks), asks)
	if errors.Is(err, store.ErrStale) {
		return 0, nil // a payment came for one of them; the next pass looks again
	}
	return n, err
}

// gaps are the nonces to be filled now, with their wallets.
func (l *lane) gaps(ctx context.Context, freeToo bool) (gaps []store.Nonce, wallets map[int64]store.Wallet, err error) {
	wallets = map[int64]store.Wallet{}
	err = l.db.View(ctx, func(r store.Reader) error {
		all, err := r.Fillable(ctx, l.setup.Type, l.setup.ID)
		if err != nil || len(all) == 0 {
			return err
		}
		ws, err := r.Wallets(ctx, store.WalletFilter{ChainType: l.setup.Type, ChainID: &l.setup.ID})
		if err != nil {
			return err
		}
		for _, w := range ws {
			wallets[w.ID] = w
		}
		for _, n := range all {
			if !l.leases.has(n.WalletID) || n.State != store.NonceUsed && !freeToo {
				continue
			}
			refused, err := l.fillRefused(ctx, r, n)
			if err != nil {
				return err
			}
			if !refused {
				gaps = append(gaps, n)
			}
		}
		return nil
	})
	return gaps, wallets, storefault.Of(err, "read the gaps")
}

// fillRefused says whether the signing machine has refused to fill the nonce: then a person has to look, and asking once more
// in other words is no help.
func (l *lane) fillRefused(ctx context.Context, r store.Reader, n store.Nonce) (bool, error) {
	as, err := r.Attempts(ctx, store.AttemptFilter{WalletID: n.WalletID, Nonce: &n.Nonce})
	return slices.ContainsFunc(as, func(a store.Attempt) bool { return a.Purpose == string(signing.PurposeGapFill) }), err
}
