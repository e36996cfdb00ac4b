package nonce

import (
	"context"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// pool is a chain: the type and the id of its network.
type pool struct {
	chainType string
	chainID   int64
}

func (p pool) String() string { return fmt.Sprintf("%s:%d", p.chainType, p.chainID) }

func poolOf(w store.Wallet) pool { return pool{w.ChainType, w.ChainID} }

// identity is what makes a wallet unique.
type identity struct {
	chain   pool
	address string // canonical
}

// String is the subject of audit rows about the wallet, as wallet.Wallet writes it.
func (i identity) String() string {
	return wallet.Wallet{ChainType: wallet.ChainType(i.chain.chainType), ChainID: i.chain.chainID, Address: i.address}.String()
}

func (i identity) filter() store.WalletFilter {
	return store.WalletFilter{Address: i.address, ChainType: i.chain.chainType, ChainID: &i.chain.chainID}
}

func (i identity) notFound() error {
	return fault.New(fault.NotFound, "wallet_not_found", "coffer list", "no wallet %s on %s", i.address, i.chain)
}

// identify makes an address as somebody typed it canonical; the chain type follows from its form.
func identify(address string, chainID int64) (identity, error) {
	ct, err := wallet.ChainTypeOf(address, chainID)
	if err != nil {
		return identity{}, err
	}
	canonical, err := wallet.ParseAddress(ct, chainID, address)
	if err != nil {
		return identity{}, err
	}
	return identity{chain: pool{string(ct), chainID}, address: canonical}, nil
}

// find reads the wallet in a transaction.
func (i identity) find(ctx context.Context, r store.Reader) (store.Wallet, error) {
	found, err := r.Wallets(ctx, i.filter())
	if err != nil {
		return store.Wallet{}, err
	}
	if len(found) == 0 {
		return store.Wallet{}, i.notFound()
	}
	return found[0], nil
}

// lock reads the wallet and holds it until the transaction ends.
func (i identity) lock(ctx context.Context, tx store.Tx) (store.Wallet, error) {
	found, err := tx.LockWallets(ctx, i.filter())
	if err != nil {
		return store.Wallet{}, err
	}
	if len(found) == 0 {
		return store.Wallet{}, i.notFound()
	}
	return found[0], nil
}

// walletID is the id of a wallet, from the database when the cache does not have it. Ids are never used again; whether the wallet
// with that id is the one meant, and may be used, is read once more under its lock.
func (l *Ledger) walletID(ctx context.Context, i identity) (int64, error) {
	w, err := l.cache.Find(ctx, l.db, i.chain.chainType, i.chain.chainID, i.address)
	switch {
	case err != nil:
		return 0, storefault.Of(err, "find wallet "+i.address)
	case w.ID == 0:
		return 0, i.notFound()
	}
	return w.ID, nil
}
