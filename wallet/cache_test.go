package wallet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// cached is a ledger beside a cache of it, whose clock the test sets.
type cached struct {
	ledger
	cache *wallet.Cache
	now   time.Time
}

func newCached(t *testing.T) *cached {
	c := &cached{ledger: newLedger(t, &machine{}), now: time.Date(2026, 11, 3, 9, 15, 0, 0, time.UTC)}
	c.cache = wallet.NewCache(func() time.Time { return c.now })
	return c
}

func (c *cached) find(w wallet.Wallet) store.Wallet {
	c.Helper()
	got, err := c.cache.Find(c.Context(), c.db, string(w.ChainType), w.ChainID, w.Address)
	if err != nil {
		c.Fatal(err)
	}
	return got
}

func (c *cached) hot() []store.Wallet {
	c.Helper()
	var got []store.Wallet
	reading := c.cache.Begin()
	err := c.db.View(c.Context(), func(r store.Reader) (err error) {
		got, err = reading.Hot(c.Context(), r, "evm", 1)
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return got
}

func (c *cached) create() wallet.Wallet {
	c.Helper()
	w, _, err := c.CreateHot(c.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Nonce: 7})
	if err != nil {
		c.Fatal(err)
	}
	return w
}

func (c *cached) figures(want store.CacheFigures) {
	c.Helper()
	if got := c.cache.Figures(); got != want {
		c.Errorf("figures %+v, want %+v", got, want)
	}
}

func TestTheCacheCountsWhatItKnowsAndForgetsItByAge(t *testing.T) {
	c := newCached(t)
	w := c.create()
	if got := c.find(w); got.ID != w.ID || got.Device != w.Device || !got.Active {
		t.Errorf("found %+v", got)
	}
	c.now = c.now.Add(2 * time.Second)
	c.find(w)
	if got := c.hot(); len(got) != 1 || got[0].ID != w.ID {
		t.Errorf("hot: %+v", got)
	}
	c.hot()
	c.figures(store.CacheFigures{Hits: 2, Misses: 2, Entries: 2, OldestAge: 2 * time.Second})

	c.now = c.now.Add(wallet.CacheAge - 2*time.Second)
	c.figures(store.CacheFigures{Hits: 2, Misses: 2, Entries: 1, OldestAge: wallet.CacheAge - 2*time.Second})
	c.find(w)
	c.figures(store.CacheFigures{Hits: 2, Misses: 3, Entries: 2, OldestAge: wallet.CacheAge - 2*time.Second})

	c.now = c.now.Add(-time.Hour) // the clock was set back: nothing may live an hour longer for that
	c.find(w)
	c.figures(store.CacheFigures{Hits: 2, Misses: 4, Entries: 1})
}

func TestTheCacheForgetsEverythingWithTheGeneration(t *testing.T) {
	c := newCached(t)
	w := c.create()
	c.find(w)
	c.hot()
	c.cache.Clear(4)
	c.figures(store.CacheFigures{Generation: 4, Misses: 2})
	c.find(w)
	c.figures(store.CacheFigures{Generation: 4, Misses: 3, Entries: 1})
}

// What does not move is all that is kept: whoever reads a cursor from it would hand out a nonce twice.
func TestF14TheCacheKeepsNoCursor(t *testing.T) {
	c := newCached(t)
	w := c.create()
	for range 2 { // read, then remembered
		for _, got := range append(c.hot(), c.find(w)) {
			if got.Nonce != 0 || !got.UpdatedAt.IsZero() {
				t.Errorf("the cache says cursor %d, changed %s", got.Nonce, got.UpdatedAt)
			}
		}
	}
}

func TestAWalletThatIsNotThereIsNotRemembered(t *testing.T) {
	c := newCached(t)
	missing := wallet.Wallet{ChainType: wallet.EVM, ChainID: 1, Address: eip55[0]}
	for range 2 {
		if got := c.find(missing); got.ID != 0 {
			t.Errorf("found %+v", got)
		}
	}
	c.figures(store.CacheFigures{Misses: 2})
}

func TestWhatAReaderChangesIsNotTheCaches(t *testing.T) {
	c := newCached(t)
	w := c.create()
	c.hot()[0].Address = "0xchanged"
	if got := c.hot(); got[0].Address != w.Address {
		t.Errorf("the cache says %s", got[0].Address)
	}
}

func TestTheRegistryDropsWhatItChanges(t *testing.T) {
	c := newCached(t)
	c.Share(c.cache)
	w := c.create()
	c.find(w)
	c.hot()
	if _, _, err := c.SetActive(t.Context(), w.Address, 1, false); err != nil {
		t.Fatal(err)
	}
	if got := c.find(w); got.Active {
		t.Error("the wallet was deactivated here, and the cache says that it is active")
	}
	if got := c.hot(); got[0].Active {
		t.Error("the same, of the chain's hot wallets")
	}
	c.create()
	if got := c.hot(); len(got) != 2 {
		t.Errorf("a wallet was made here, and the cache has %d", len(got))
	}
}

// The snapshot of a transaction may be older than what was dropped while it ran.
func TestWhatWasReadBeforeADropIsNotKept(t *testing.T) {
	c := newCached(t)
	c.Share(c.cache)
	w := c.create()
	reading := c.cache.Begin()
	err := c.db.View(t.Context(), func(r store.Reader) error {
		if _, err := r.Wallets(t.Context(), store.WalletFilter{}); err != nil { // the snapshot begins
			return err
		}
		if _, _, err := c.SetActive(t.Context(), w.Address, 1, false); err != nil {
			return err
		}
		old, err := reading.Hot(t.Context(), r, "evm", 1)
		if err == nil && !old[0].Active {
			return errors.New("the snapshot is not as old as this test needs it")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.hot(); got[0].Active {
		t.Error("what an old snapshot said was kept")
	}
}

func TestEveryChangeOfTheRegistryRaisesTheGeneration(t *testing.T) {
	l := newLedger(t, &machine{})
	generation := func(want int64, after string) {
		t.Helper()
		err := l.db.View(t.Context(), func(r store.Reader) error {
			got, err := r.Generation(t.Context())
			if err == nil && got != want {
				t.Errorf("after %s the generation is %d, want %d", after, got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w, _, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: "a"})
	if err != nil {
		t.Fatal(err)
	}
	generation(1, "a creation")
	l.internal(wallet.InternalRequest{Address: eip55[5], ChainType: wallet.EVM, ChainID: 1, Type: wallet.Cold})
	generation(2, "another")
	set := func(active bool) {
		t.Helper()
		if _, _, err := l.SetActive(context.Background(), w.Address, 1, active); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	generation(3, "a deactivation")
	set(false)
	if _, existed, err := l.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: "a"}); err != nil || !existed {
		t.Fatal(existed, err)
	}
	generation(3, "what was said twice")
	set(true)
	generation(4, "an activation")
}
