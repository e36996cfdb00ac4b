package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
)

// A daemon that is stopped in the middle of a write keeps its leases locked. Others take them all the same before another lease has
// gone by, and when it wakes up its write fails.
func TestF25ADaemonFrozenInTheMiddleOfAWriteKeepsNoWalletForLongerThanALease(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the end of a silent session")
	}
	const lease = 15 * time.Second
	db, err := postgres.Open(t.Context(), pgtest.DSN(t), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mine []store.Lease
	err = db.Update(t.Context(), func(tx store.Tx) error {
		w, err := tx.AddWallet(t.Context(), store.Wallet{
			Address: "0x52908400098527886E0F7030069857D2E4169EE7", ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true,
		})
		if err != nil {
			return err
		}
		mine, err = tx.TakeLeases(t.Context(), "frozen", []int64{w.ID}, time.Millisecond)
		return err
	})
	if err != nil || len(mine) != 1 {
		t.Fatalf("take a lease: %+v, %v", mine, err)
	}
	holding, awake, woken := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	wake := sync.OnceFunc(func() { close(awake) })
	defer wake()
	go func() {
		tries := 0
		woken <- db.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.HoldLeases(t.Context(), mine); err != nil {
				return err
			}
			if tries++; tries == 1 {
				close(holding)
				<-awake
			}
			return nil
		})
	}()
	<-holding
	began := time.Now()
	for taken := false; !taken; {
		if time.Since(began) > lease {
			t.Fatal("nobody could take its wallet")
		}
		err := db.Update(t.Context(), func(tx store.Tx) error {
			got, err := tx.TakeLeases(t.Context(), "another", []int64{mine[0].WalletID}, lease)
			taken = len(got) == 1
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // as a daemon's passes do
	}
	wake()
	if err := <-woken; err == nil || errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("what it wrote after it woke up: %v", err)
	}
}
