package postgres

import (
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

// Whoever decides over reservations of a wallet has it alone until its transaction ends; the next one sees what it left.
func TestF03ASecondReserverWaitsForTheFirstAndSeesWhatItLeft(t *testing.T) {
	want := store.ReserveWant{Pools: []store.Pool{{ChainType: "evm", ChainID: 1}}, FreeLimit: 1}
	secondWaits(t, func(tx store.Tx) ([]store.Wallet, error) {
		facts, err := tx.LockForReserve(t.Context(), want)
		return facts.Wallets, err
	})
}

// So has whoever changes a wallet: sync, activate.
func TestASecondWriterOfAWalletWaitsForTheFirstAndSeesWhatItLeft(t *testing.T) {
	secondWaits(t, func(tx store.Tx) ([]store.Wallet, error) {
		return tx.LockWallets(t.Context(), store.WalletFilter{Address: "0xa"})
	})
}

// secondWaits has one transaction lock a wallet and then move its cursor, and another one lock it meanwhile.
func secondWaits(t *testing.T, lock func(store.Tx) ([]store.Wallet, error)) {
	t.Helper()
	dsn := pgtest.DSN(t)
	d := migrated(t, dsn)
	watch, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close(t.Context()) }()
	var w store.Wallet
	err = d.Update(t.Context(), func(tx store.Tx) (err error) {
		w, err = tx.AddWallet(t.Context(), store.Wallet{
			Address: "0xa", Device: "d", Path: "m", ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	var second []store.Wallet
	var all sync.WaitGroup
	err = d.Update(t.Context(), func(tx store.Tx) error {
		if _, err := lock(tx); err != nil {
			return err
		}
		all.Go(func() {
			err := d.Update(t.Context(), func(tx store.Tx) (err error) {
				second, err = lock(tx)
				close(read)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		if !waits(t, watch, read) {
			t.Error("the second one read while the first one decided")
		}
		return tx.MoveCursors(t.Context(), []store.CursorMove{{WalletID: w.ID, From: 0, To: 1}})
	})
	all.Wait()
	if err != nil || len(second) != 1 || second[0].Nonce != 1 {
		t.Errorf("the second one saw %+v, %v", second, err)
	}
}

// waits says whether somebody comes to wait for a lock, and not to the end of done.
func waits(t *testing.T, watch *pgx.Conn, done <-chan struct{}) bool {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var waiting bool
		err := watch.QueryRow(t.Context(),
			"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting)
		if err != nil {
			t.Error(err)
		}
		if waiting || err != nil {
			return true
		}
		select {
		case <-done:
			return false
		case <-tick.C:
		}
	}
}
