package wallet

import (
	"context"
	"slices"
	"sync"
	"time"

	"coffer.internal/internal/store"
)

// CacheAge is how long an entry of a Cache is used.
const CacheAge = 5 * time.Second

// Cache remembers for a few seconds what is in the wallets' rows and hardly ever changes: which wallet an address is, and which
// hot wallets a chain has. It saves the database those questions; it answers no other.
//
// It is never the source of a nonce (F14): a row's cursor and the time of its last change are not kept, so nobody can hand out,
// show or compare one that is out of date. Nor is it asked whether a wallet may be used: whoever reserves reads is_active again
// under the wallet's lock. So an entry that is out of date costs a refusal or a few seconds, never a nonce.
//
// An entry goes when it is CacheAge old, when this process changes the wallet (Drop), and when the generation rises (Clear).
type Cache struct {
	now func() time.Time

	mu      sync.Mutex
	wallets map[cacheKey]kept[store.Wallet]
	hot     map[cacheChain]kept[[]store.Wallet]
	dropped uint64 // how often something was dropped
	figures store.CacheFigures
}

type cacheChain struct {
	chainType string
	chainID   int64
}

type cacheKey struct {
	cacheChain
	address string // canonical
}

// kept is what was read, and when.
type kept[V any] struct {
	value V
	at    time.Time
}

// NewCache makes an empty cache with a clock; nil: time.Now.
func NewCache(now func() time.Time) *Cache {
	if now == nil {
		now = time.Now
	}
	return &Cache{now: now, wallets: map[cacheKey]kept[store.Wallet]{}, hot: map[cacheChain]kept[[]store.Wallet]{}}
}

// Reading is a question about to be asked of the cache. It is begun before the transaction that asks the database on a miss: if
// anything is dropped after that, what the transaction saw may be older than what was dropped, and is not kept.
type Reading struct {
	cache   *Cache
	dropped uint64
}

// Begin begins a reading.
func (c *Cache) Begin() Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Reading{cache: c, dropped: c.dropped}
}

// Hot is the hot wallets of a chain, inactive ones and those without a device too, by id; from the transaction if the cache does
// not have them. Their cursors and times of change are zero.
func (r Reading) Hot(ctx context.Context, tx store.Reader, chainType string, chainID int64) ([]store.Wallet, error) {
	key := cacheChain{chainType, chainID}
	got, err := lookUp(r, r.cache.hot, key, func() ([]store.Wallet, bool, error) {
		ws, err := tx.Wallets(ctx, store.WalletFilter{ChainType: chainType, ChainID: &chainID, WalletType: string(Hot)})
		for i := range ws {
			ws[i] = lasting(ws[i])
		}
		return ws, true, err
	})
	return slices.Clone(got), err
}

// Database is where a Cache reads what it does not have.
type Database interface {
	View(ctx context.Context, fn func(store.Reader) error) error
}

// Find is the wallet of a canonical address on a chain; a zero one if there is none, which is not remembered. Its cursor and time
// of change are zero.
func (c *Cache) Find(ctx context.Context, db Database, chainType string, chainID int64, address string) (store.Wallet, error) {
	key := cacheKey{cacheChain{chainType, chainID}, address}
	return lookUp(c.Begin(), c.wallets, key, func() (w store.Wallet, found bool, err error) {
		err = db.View(ctx, func(r store.Reader) error {
			ws, err := r.Wallets(ctx, store.WalletFilter{Address: address, ChainType: chainType, ChainID: &chainID})
			if len(ws) > 0 {
				w, found = lasting(ws[0]), true
			}
			return err
		})
		return w, found, err
	})
}

// lasting is a row without what moves.
func lasting(w store.Wallet) store.Wallet {
	w.Nonce, w.UpdatedAt = 0, time.Time{}
	return w
}

// lookUp answers from entries, or reads and, if nothing was dropped since the reading began, keeps what it read.
func lookUp[K comparable, V any](r Reading, entries map[K]kept[V], key K, read func() (v V, keep bool, err error)) (V, error) {
	c := r.cache
	c.mu.Lock()
	if e, ok := entries[key]; ok && c.fresh(e.at) {
		c.figures.Hits++
		c.mu.Unlock()
		return e.value, nil
	}
	c.figures.Misses++
	at := c.now()
	c.mu.Unlock()

	v, keep, err := read()
	if err != nil || !keep {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == r.dropped {
		entries[key] = kept[V]{v, at}
	}
	return v, nil
}

// fresh says whether an entry of that time may still be used. One from the future was written before the clock was set back.
func (c *Cache) fresh(at time.Time) bool {
	age := c.now().Sub(at)
	return age >= 0 && age < CacheAge
}

// Drop forgets what it has of a wallet and of its chain; with an empty address, of its chain alone.
func (c *Cache) Drop(chainType string, chainID int64, address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chain := cacheChain{chainType, chainID}
	delete(c.wallets, cacheKey{chain, address})
	delete(c.hot, chain)
	c.dropped++
}

// Clear forgets everything, as the generation demands.
func (c *Cache) Clear(generation int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.wallets)
	clear(c.hot)
	c.dropped++
	c.figures.Generation = generation
}

// Figures say how the cache does. Entries that are too old are dropped and not counted.
func (c *Cache) Figures() store.CacheFigures {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.figures
	now := c.now()
	count := func(at time.Time) (tooOld bool) {
		if !c.fresh(at) {
			return true
		}
		f.Entries++
		f.OldestAge = max(f.OldestAge, now.Sub(at))
		return false
	}
	for k, e := range c.wallets {
		if count(e.at) {
			delete(c.wallets, k)
		}
	}
	for k, e := range c.hot {
		if count(e.at) {
			delete(c.hot, k)
		}
	}
	return f
}
