package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

// adder adds wallets through one handle, one after another, until it is stopped, and keeps what it was answered.
type adder struct {
	d                  *DB
	mu                 sync.Mutex
	answered, unknown  []string
	after              int // answered since the last look
	tried              int
	refused, unnatural []error
}

func (a *adder) run(ctx context.Context, name string) {
	for i := 0; ctx.Err() == nil; i++ {
		address := fmt.Sprint("0x", name, i)
		// Not with ctx: a context that ends in the middle leaves an outcome of another kind.
		err := a.d.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
			_, err := tx.AddWallet(ctx, store.Wallet{Address: address, ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true})
			return err
		})
		a.mu.Lock()
		a.tried++
		switch {
		case err == nil:
			a.answered = append(a.answered, address)
			a.after++
		case errors.Is(err, store.ErrOutcomeUnknown):
			a.unknown = append(a.unknown, address)
		case errors.Is(err, store.ErrUnreachable), errors.Is(err, store.ErrConflict):
			a.refused = append(a.refused, err)
		case ctx.Err() == nil:
			a.unnatural = append(a.unnatural, err)
		}
		a.mu.Unlock()
	}
}

// waitFor waits until so many more were answered.
func (a *adder) waitFor(t *testing.T, n int) {
	t.Helper()
	a.mu.Lock()
	a.after = 0
	a.mu.Unlock()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		a.mu.Lock()
		after := a.after
		a.mu.Unlock()
		if after >= n {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			a.mu.Lock()
			defer a.mu.Unlock()
			t.Fatalf("only %d of %d were answered; refused: %v; else: %v", after, n, a.refused, a.unnatural)
		}
	}
}

func TestF04F33APromotedStandbyIsGoneOnWithAndNothingThatWasAnsweredIsLost(t *testing.T) {
	pair, err := pgtest.StartPair(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := pair.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := firstUse(t.Context(), pair.StandbyURL()); !errors.Is(err, store.ErrUnreachable) || !errors.Is(err, errReplica) {
		t.Errorf("the standby alone: %v", err)
	}
	d := migrated(t, pair.URL())
	a := &adder{d: d}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { a.run(ctx, fmt.Sprint(i, "-")) })
	}
	defer func() { stop(); all.Wait() }()
	for round := range 2 { // there and back: the second primary is the first host of the URL again
		a.waitFor(t, 20)
		for _, step := range []func() error{
			pair.KillPrimary,
			func() error { return pair.Promote(t.Context()) },
			func() error { return pair.Replace(t.Context()) },
		} {
			if err := step(); err != nil {
				t.Fatal(round, err)
			}
		}
		a.waitFor(t, 20)
	}
	stop()
	all.Wait()

	there := map[string]bool{}
	err = d.View(t.Context(), func(r store.Reader) error {
		ws, err := r.Wallets(t.Context(), store.WalletFilter{})
		for _, w := range ws {
			there[w.Address] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range a.answered {
		if !there[address] {
			t.Errorf("%s was answered and is lost", address)
		}
		delete(there, address)
	}
	for _, address := range a.unknown {
		delete(there, address) // it may be there or not
	}
	if len(there) != 0 {
		t.Errorf("%d are there that were reported as not written: %v", len(there), there)
	}
	for _, err := range a.unnatural {
		t.Errorf("neither unknown nor unreachable: %v", err)
	}
	t.Logf("%d tried, %d answered, %d unknown, %d refused", a.tried, len(a.answered), len(a.unknown), len(a.refused))
}

// What was committed on a newer primary is not on the former one, whoever starts that again.
func TestF04AFormerPrimaryIsRefused(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	d.pool.Reset()
	d.newest.Add(1)
	err := d.View(t.Context(), func(store.Reader) error { t.Error("it was read"); return nil })
	if !errors.Is(err, errFormer) || !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("View = %v", err)
	}
}

// Connections to a server that became read-only are given up, all of them.
func TestAServerThatBecameReadOnlyIsLeft(t *testing.T) {
	dsn := pgtest.DSN(t)
	d := migrated(t, dsn)
	add := func(address string) error {
		return d.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.AddWallet(t.Context(), store.Wallet{Address: address, ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true})
			return err
		})
	}
	if err := add("0xa"); err != nil {
		t.Fatal(err)
	}
	set := func(value string) {
		if err := pgtest.Exec(t.Context(), dsn, "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = "+
			value+"', current_database()); END$$"); err != nil {
			t.Fatal(err)
		}
	}
	// The sessions that are there became so, and those that come are so.
	for range 2 {
		_ = d.View(t.Context(), func(r store.Reader) error {
			_, err := r.(*reader).conn.Exec(t.Context(), "SET default_transaction_read_only = on")
			return err
		})
	}
	set("on")
	if err := add("0xb"); !errors.Is(err, store.ErrUnreachable) || errors.Is(err, errReadOnly) {
		t.Errorf("the first one finds out: %v", err)
	}
	if err := add("0xc"); !errors.Is(err, store.ErrUnreachable) || !errors.Is(err, errReadOnly) {
		t.Errorf("the next one connects anew: %v", err)
	}
	// Who undoes it has to say that it writes.
	if err := pgtest.Exec(t.Context(), dsn, "BEGIN READ WRITE; DO $$BEGIN "+
		"EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END$$; COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := add("0xd"); err != nil {
		t.Errorf("it takes writes again: %v", err)
	}
}

func TestSeveralHostsAreTriedInTheirOrder(t *testing.T) {
	config, err := configOf("postgres://u:p@h1:5433,h2:5434/db", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := config.ConnConfig
	got := fmt.Sprintf("%s:%d", c.Host, c.Port)
	for _, f := range c.Fallbacks {
		if next := fmt.Sprintf(" %s:%d", f.Host, f.Port); got[len(got)-len(next)+1:] != next[1:] { // with and without TLS
			got += next
		}
	}
	if got != "h1:5433 h2:5434" || c.ConnectTimeout != connectWithin {
		t.Errorf("hosts %s within %v", got, c.ConnectTimeout)
	}
}
