package postgres

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

func takeLeases(t *testing.T, d *DB, holder string, ttl time.Duration, ids ...int64) (taken []store.Lease) {
	t.Helper()
	err := d.Update(t.Context(), func(tx store.Tx) (err error) {
		taken, err = tx.TakeLeases(t.Context(), holder, ids, ttl)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// A daemon that was stopped in the middle of a write keeps the lease of what it writes about, and nobody waits for it; its other
// leases go to the others.
func TestF21ALeaseIsNotTakenUnderAWriteAndNobodyWaitsForIt(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	held, other := addWallet(t, d, "0xa").ID, addWallet(t, d, "0xb").ID
	mine := takeLeases(t, d, "x", -time.Second, held, other)
	err := d.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.HoldLeases(t.Context(), mine[:1]); err != nil {
			return err
		}
		got := takeLeases(t, d, "y", -time.Second, held, other)
		if len(got) != 1 || got[0].WalletID != other || got[0].Epoch != 2 {
			t.Errorf("taken beside the write: %+v", got)
		}
		// Its own renewal, and its other writes, go on.
		return d.Update(t.Context(), func(tx store.Tx) error {
			renewed, err := tx.RenewLeases(t.Context(), "x", -time.Second)
			if len(renewed) != 1 || renewed[0].WalletID != held || renewed[0].Epoch != 1 {
				t.Errorf("renewed beside the write: %+v", renewed)
			}
			again, err2 := tx.TakeLeases(t.Context(), "x", []int64{held}, -time.Second)
			if len(again) != 1 || again[0].Epoch != 1 {
				t.Errorf("its own beside the write: %+v", again)
			}
			return errors.Join(err, err2, tx.HoldLeases(t.Context(), mine[:1]))
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := takeLeases(t, d, "y", time.Minute, held); len(got) != 1 || got[0].Epoch != 2 {
		t.Errorf("taken after the write: %+v", got)
	}
}

// Given back in the middle of a write, a lease is free only after it.
func TestF21ALeaseGivenBackUnderAWriteIsTakenAfterIt(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	id := addWallet(t, d, "0xa").ID
	mine := takeLeases(t, d, "x", time.Minute, id)
	err := d.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.HoldLeases(t.Context(), mine); err != nil {
			return err
		}
		err := d.Update(t.Context(), func(tx store.Tx) error { return tx.DropLeases(t.Context(), "x", nil) })
		if got := takeLeases(t, d, "y", time.Minute, id); len(got) != 0 {
			t.Errorf("taken beside the write: %+v", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := takeLeases(t, d, "y", time.Minute, id); len(got) != 1 {
		t.Errorf("taken after the write: %+v", got)
	}
}

// Whoever writes while its lease is being taken finds out.
func TestF25AWriteThatWaitsForATakerFindsTheLeaseTaken(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	id := addWallet(t, d, "0xa").ID
	mine := takeLeases(t, d, "x", -time.Second, id)
	err := second(t, d,
		func(tx store.Tx) error {
			got, err := tx.TakeLeases(t.Context(), "y", []int64{id}, time.Minute)
			if len(got) != 1 {
				t.Errorf("taken: %+v", got)
			}
			return err
		},
		func(tx store.Tx) error { return tx.HoldLeases(t.Context(), mine) })
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("the write: %v", err)
	}
}

// second runs one transaction, and another one that must wait for it, and returns the second one's error.
func second(t *testing.T, d *DB, first, then func(store.Tx) error) (err error) {
	t.Helper()
	watch, err := pgx.Connect(t.Context(), d.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close(t.Context()) }()
	var all sync.WaitGroup
	var waited error
	done := make(chan struct{})
	err = d.Update(t.Context(), func(tx store.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		if _, err := tx.Now(t.Context()); err != nil { // so that all was sent
			return err
		}
		all.Go(func() {
			defer close(done)
			waited = d.Update(t.Context(), then)
		})
		if !waits(t, watch, done) {
			t.Error("the second one did not wait for the first one")
		}
		return nil
	})
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return waited
}

func TestF21ManyTakersAtOnceTakeEachLeaseOnce(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	var ids []int64
	for i := range 60 {
		ids = append(ids, addWallet(t, d, fmt.Sprint("0x", i)).ID)
	}
	for round := range 2 { // those that nobody took, then those that ended
		var all sync.WaitGroup
		taken := make([][]store.Lease, 4)
		for i := range taken {
			mine := slices.Clone(ids)
			if i%2 == 1 {
				slices.Reverse(mine)
			}
			all.Go(func() {
				err := d.Update(t.Context(), func(tx store.Tx) (err error) {
					taken[i], err = tx.TakeLeases(t.Context(), fmt.Sprint(round, "-", i), mine, time.Minute)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		seen := map[int64]int{}
		for _, l := range slices.Concat(taken...) {
			seen[l.WalletID]++
			if l.Epoch != int64(round+1) {
				t.Errorf("lease: %+v", l)
			}
		}
		for _, id := range ids {
			if seen[id] != 1 {
				t.Errorf("the lease of wallet %d was taken %d times", id, seen[id])
			}
		}
		if _, err := d.pool.Exec(t.Context(), "UPDATE wallet_leases SET expires_at = '2020-01-01'"); err != nil {
			t.Fatal(err)
		}
	}
}

// askedFor makes a wallet with one nonce that is asked for.
func askedFor(t *testing.T, d *DB) (walletID, attempt int64) {
	t.Helper()
	w := addWallet(t, d, "0xa")
	err := d.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.Reserve(t.Context(), one(w, "r", 0)); err != nil {
			return err
		}
		ids, err := tx.Ask(t.Context(), []store.Ask{{
			WalletID: w.ID, Fence: 1, Payment: "r", Request: "r", Purpose: "payment", Digest: "first", Intent: []byte("i"),
		}})
		attempt = ids[0]
		return err
	})
	if err != nil || attempt == 0 {
		t.Fatal(attempt, err)
	}
	return w.ID, attempt
}

func TestF07AFurtherAttemptWaitsForWhoeverEndsTheNonce(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	id, attempt := askedFor(t, d)
	var ids []int64
	err := second(t, d,
		func(tx store.Tx) error {
			return tx.MoveAttempts(t.Context(), []store.AttemptMove{{ID: attempt, From: store.AttemptAsked, To: store.AttemptFinal}})
		},
		func(tx store.Tx) (err error) {
			ids, err = tx.Ask(t.Context(), []store.Ask{again(id)})
			return err
		})
	if err != nil || len(ids) != 1 || ids[0] != 0 {
		t.Errorf("asked again for a nonce that is final: %v, %v", ids, err)
	}
}

func TestF07ANonceIsNotLetGoOfWhileAFurtherAttemptComes(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	id, attempt := askedFor(t, d)
	err := second(t, d,
		func(tx store.Tx) error {
			ids, err := tx.Ask(t.Context(), []store.Ask{again(id)})
			if err == nil && ids[0] == 0 {
				t.Error("there is no further attempt")
			}
			if err != nil {
				return err
			}
			return tx.MoveAttempts(t.Context(), []store.AttemptMove{{ID: attempt, From: store.AttemptAsked, To: store.AttemptSuperseded}})
		},
		func(tx store.Tx) error { return tx.LetGo(t.Context(), id, 0) })
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("LetGo = %v", err)
	}
}

func again(walletID int64) store.Ask {
	return store.Ask{WalletID: walletID, Payment: "r", Purpose: "cancel", Digest: "second", Intent: []byte("i"), Again: true}
}
