package nonce_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// clock is one that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// door is a commit that says when everything is written, and then waits before the transaction ends.
type door struct {
	written, open chan struct{}
	tell          func() // closes written
}

func newDoor() door {
	d := door{written: make(chan struct{}), open: make(chan struct{})}
	d.tell = sync.OnceFunc(func() { close(d.written) })
	return d
}

func (d door) mishap(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	return db.Update(ctx, func(tx store.Tx) error {
		err := fn(tx)
		d.tell()
		<-d.open
		return err
	})
}

// told says that a commit is about to begin.
func told(begins chan struct{}) mishap {
	tell := sync.OnceFunc(func() { close(begins) })
	return func(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
		tell()
		return db.Update(ctx, fn)
	}
}

func TestF14ACacheThatExpiresWithTwoBatchesInFlightNeitherRepeatsNorSkipsANonce(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		watch := &clock{now: time.Now()}
		first, second := wallet.NewCache(watch.Now), wallet.NewCache(watch.Now)
		held, begins := newDoor(), make(chan struct{})
		a := c.ledger(nonce.Options{DB: &broken{DB: c.db, fails: []mishap{commits, held.mishap}}, Cache: first})
		b := c.ledger(nonce.Options{DB: &broken{DB: c.open(), fails: []mishap{commits, told(begins)}}, Cache: second})
		c.reserve(a, w, "a0", 1) // both caches know the wallet now
		c.reserve(b, w, "b0", 1)

		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string][]uint64{"a0": {0}, "b0": {1}}
		reserve := func(l *nonce.Ledger, request string, count int) {
			wg.Go(func() {
				r, err := l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: request, Count: count})
				if err != nil {
					c.Errorf("reserve %s: %v", request, err)
					return
				}
				mu.Lock()
				got[request] = numbers(r)
				mu.Unlock()
			})
		}
		reserve(a, "a1", 3)
		<-held.written // its nonces are written and not committed
		reserve(b, "b1", 2)
		<-begins // the other process's batch waits for the same wallet
		watch.pass(wallet.CacheAge)
		second.Clear(1)
		if best, err := a.Best(c.Context(), "evm", chainID); err != nil || best.Nonce != 2 {
			c.Errorf("while they are in flight the cursor is 2: %+v, %v", best, err)
		}
		reserve(a, "a2", 1) // its cache is filled again from what is committed: the cursor before both batches
		reserve(b, "b2", 1)
		first.Clear(1)
		watch.pass(wallet.CacheAge)
		close(held.open)
		wg.Wait()
		c.eachOnce(w, got)
	})
}

func TestF14CachesThatAreClearedAllTheTimeNeitherRepeatNorSkipANonce(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		watch := &clock{now: time.Now()}
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string][]uint64{}
		for p, db := range []store.DB{c.db, c.open()} {
			cache := wallet.NewCache(watch.Now)
			l := c.ledger(nonce.Options{DB: db, Cache: cache})
			for i := range 40 {
				wg.Go(func() {
					request := fmt.Sprintf("p%d-%d", p, i)
					var r nonce.Reservation
					var err error
					switch i % 4 {
					case 0:
						cache.Clear(int64(i))
						fallthrough
					case 1:
						r, err = l.Reserve(c.Context(), nonce.Call{Address: w.Address, ChainID: chainID, Request: request, Count: 1 + i%3})
					case 2:
						watch.pass(wallet.CacheAge / 2)
						fallthrough
					default:
						r, err = l.ReserveBest(c.Context(), nonce.BestCall{ChainType: "evm", ChainID: chainID, Request: request})
					}
					if err != nil {
						c.Errorf("%s: %v", request, err)
						return
					}
					mu.Lock()
					got[request] = numbers(r)
					mu.Unlock()
				})
			}
		}
		wg.Wait()
		c.eachOnce(w, got)
	})
}

// eachOnce compares what was answered with the ledger: each nonce from 0 to the cursor was given to one request.
func (c ledgerCase) eachOnce(w store.Wallet, answered map[string][]uint64) {
	c.Helper()
	holder := map[uint64]string{}
	for request, nonces := range answered {
		for _, n := range nonces {
			if other, twice := holder[n]; twice {
				c.Errorf("nonce %d was given to %s and to %s", n, request, other)
			}
			holder[n] = request
		}
	}
	rows := c.rows(w) // which has no holes
	for _, n := range rows {
		if holder[n.Nonce] != n.Request {
			c.Errorf("nonce %d is %s's in the ledger, and was answered to %q", n.Nonce, n.Request, holder[n.Nonce])
		}
	}
	if len(rows) != len(holder) {
		c.Errorf("%d nonces in the ledger, %d answered", len(rows), len(holder))
	}
}

func TestAWalletIsLookedUpOnce(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		w := c.hot(1)
		cache := wallet.NewCache(nil)
		l := c.ledger(nonce.Options{Cache: cache})
		for i := range 3 {
			c.reserve(l, w, fmt.Sprint("r", i), 1)
		}
		if f := cache.Figures(); f.Hits != 2 || f.Misses != 1 || f.Entries != 1 {
			c.Errorf("figures %+v", f)
		}
	})
}

// The other process is one that this one has not heard of yet.
func TestAWalletThatAnotherProcessDeactivatedIsNotChosenThoughTheCacheSaysActive(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		gone, stays := c.hot(1), c.hot(2)
		cache := wallet.NewCache(nil)
		l := c.ledger(nonce.Options{Cache: cache})
		c.reserve(l, stays, "r0", 2) // so that the other one has the lowest nonce
		if best, err := l.Best(c.Context(), "evm", chainID); err != nil || best.ID != gone.ID {
			c.Fatalf("best: %+v, %v", best, err)
		}
		other := wallet.NewRegistry(c.open(), nil, "other")
		if _, _, err := other.SetActive(c.Context(), gone.Address, chainID, false); err != nil {
			c.Fatal(err)
		}
		reading := cache.Begin()
		if hot, err := reading.Hot(c.Context(), nil, "evm", chainID); err != nil || !hot[0].Active {
			c.Fatalf("the cache does not say what this test needs: %+v, %v", hot, err)
		}

		if best, err := l.Best(c.Context(), "evm", chainID); err != nil || best.ID != stays.ID {
			c.Errorf("Best chose %s, %v", best.Address, err)
		}
		r, err := l.ReserveBest(c.Context(), nonce.BestCall{ChainType: "evm", ChainID: chainID, Request: "r1"})
		if err != nil || r.Wallet.ID != stays.ID {
			c.Errorf("ReserveBest chose %s, %v", r.Wallet.Address, err)
		}
		_, err = l.Reserve(c.Context(), nonce.Call{Address: gone.Address, ChainID: chainID, Request: "r2"})
		if !errors.Is(err, fault.Refused) {
			c.Errorf("Reserve: %v", err)
		}
		c.update(func(tx store.Tx) error {
			return tx.AddWithdrawals(c.Context(), []store.NewWithdrawal{{
				Payment: "p", Content: "pay p", ChainType: "evm", ChainID: chainID, To: address(77), Amount: "5",
			}})
		})
		bound, err := l.Bind(c.Context(), nonce.BindCall{
			ChainType: "evm", ChainID: chainID, MaxUnmined: 16,
			Purses:   map[int64]nonce.Purse{gone.ID: {Native: big.NewInt(100)}, stays.ID: {Native: big.NewInt(100)}},
			Payments: []nonce.Binding{{Payment: "p", Request: "p", Amount: big.NewInt(5), MaxFee: big.NewInt(1)}},
		})
		if err != nil || bound[0].Err != nil || bound[0].Wallet.ID != stays.ID {
			c.Errorf("Bind: %+v, %v", bound, err)
		}
		if rows := c.rows(gone); len(rows) != 0 {
			c.Errorf("the deactivated wallet gave %+v", rows)
		}
	})
}

func TestBestAsksTheDatabaseBeforeItSaysNo(t *testing.T) {
	onBoth(t, func(c ledgerCase) {
		l := c.ledger(nonce.Options{})
		if _, err := l.Best(c.Context(), "evm", chainID); !errors.Is(err, fault.Unavailable) {
			c.Fatalf("without a wallet: %v", err)
		}
		w := c.hot(1) // made by somebody else
		if best, err := l.Best(c.Context(), "evm", chainID); err != nil || best.ID != w.ID || best.UpdatedAt.IsZero() {
			c.Errorf("best: %+v, %v", best, err)
		}
	})
}
