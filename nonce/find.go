package nonce

import (
	"context"
	"fmt"
	"sync"

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

// idCache remembers the ids of wallets. Ids are never used again and nothing else is remembered; whether the wallet with
// that id is the one meant is checked once more under its lock.
type idCache struct {
	mu sync.RWMutex
	of map[identity]int64
}

func (c *idCache) get(i identity) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.of[i]
	return id, ok
}

func (c *idCache) put(i identity, id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[identity]int64{}
	}
	c.of[i] = id
}

func (c *idCache) forget(i identity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, i)
}

// walletID is the id of a wallet, from the database when it was not asked for before.
func (l *Ledger) walletID(ctx context.Context, i identity) (int64, error) {
	if id, ok := l.ids.get(i); ok {
		return id, nil
	}
	var w store.Wallet
	err := l.db.View(ctx, func(r store.Reader) (err error) {
		w, err = i.find(ctx, r)
		return err
	})
	if err != nil {
		return 0, storefault.Of(err, "find wallet "+i.address)
	}
	l.ids.put(i, w.ID)
	return w.ID, nil
}
