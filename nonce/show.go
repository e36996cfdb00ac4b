package nonce

import (
	"context"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// List is everything the ledger has about a wallet's nonces.
func (l *Ledger) List(ctx context.Context, address string, chainID int64) (Listing, error) {
	var out Listing
	err := l.show(ctx, address, chainID, func(r store.Reader, w store.Wallet) (err error) {
		out.Wallet = wallet.FromRow(w)
		if out.Nonces, err = r.Nonces(ctx, store.NonceFilter{WalletID: w.ID}); err != nil {
			return err
		}
		out.Externals, err = r.Externals(ctx, w.ID)
		return err
	})
	return out, err
}

// Info is a wallet and what its nonces add up to.
func (l *Ledger) Info(ctx context.Context, address string, chainID int64) (Info, error) {
	var out Info
	err := l.show(ctx, address, chainID, func(r store.Reader, w store.Wallet) (err error) {
		out.Wallet, out.row = wallet.FromRow(w), w
		if out.Load, err = loadOf(ctx, r, w.ID); err != nil {
			return err
		}
		if out.LastUsed, err = r.LastUsed(ctx, w.ID); err != nil {
			return err
		}
		out.Externals, err = r.Externals(ctx, w.ID)
		return err
	})
	return out, err
}

// show reads about one wallet in one snapshot.
func (l *Ledger) show(ctx context.Context, address string, chainID int64, fn func(store.Reader, store.Wallet) error) error {
	id, err := identify(address, chainID)
	if err != nil {
		return err
	}
	err = l.db.View(ctx, func(r store.Reader) error {
		w, err := id.find(ctx, r)
		if err != nil {
			return err
		}
		return fn(r, w)
	})
	return storefault.Of(err, "read wallet "+id.address)
}

func loadOf(ctx context.Context, r store.Reader, walletID int64) (store.Load, error) {
	loads, err := loadsOf(ctx, r, []int64{walletID})
	if err != nil || len(loads) == 0 {
		return store.Load{WalletID: walletID}, err
	}
	return loads[0], nil
}

// loadsOf are the loads of wallets as a person is shown them: what keeps all of them from new nonces is a brake of each.
func loadsOf(ctx context.Context, r store.Reader, walletIDs []int64) ([]store.Load, error) {
	loads, err := r.Loads(ctx, walletIDs)
	if err != nil {
		return nil, err
	}
	m, err := r.Restored(ctx)
	if m.Paused {
		for i := range loads {
			loads[i].Brake = storefault.PausedWhy(m)
		}
	}
	return loads, err
}
