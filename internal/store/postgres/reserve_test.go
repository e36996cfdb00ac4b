package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

func addWallet(t *testing.T, d *DB, address string) store.Wallet {
	t.Helper()
	var w store.Wallet
	err := d.Update(t.Context(), func(tx store.Tx) (err error) {
		w, err = tx.AddWallet(t.Context(), store.Wallet{
			Address: address, Device: "d", Path: "m", ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// one is a plan for one nonce at the cursor, which has a statement of its own.
func one(w store.Wallet, request string, from uint64) store.ReservePlan {
	return store.ReservePlan{
		Requests: []store.Request{{ID: request, Kind: store.KindReservation, Content: "c", WalletID: w.ID, Count: 1}},
		Insert:   []store.Nonce{{WalletID: w.ID, Nonce: from, State: store.NonceReserved, Request: request, Fence: 1}},
		Cursors:  []store.CursorMove{{WalletID: w.ID, From: from, To: from + 1}},
		Audit:    []store.AuditRow{{Actor: "a", Action: "nonce.reserve", Subject: request, Result: store.ResultDone}},
	}
}

func TestOneNonceIsWrittenLikeMany(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	w := addWallet(t, d, "0xa")
	reserve := func(plan store.ReservePlan) error {
		return d.Update(t.Context(), func(tx store.Tx) error { return tx.Reserve(t.Context(), plan) })
	}
	if err := reserve(one(w, "r0", 0)); err != nil {
		t.Fatal(err)
	}
	gone := one(w, "r1", 1)
	gone.Cursors[0].WalletID += 7
	for name, c := range map[string]struct {
		plan store.ReservePlan
		want error
	}{
		"a cursor that moved":        {one(w, "r1", 2), store.ErrStale},
		"a wallet that is not there": {gone, store.ErrStale},
		"a request that is there":    {one(w, "r0", 1), store.ErrConflict},
	} {
		if err := reserve(c.plan); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	err := d.View(t.Context(), func(r store.Reader) error {
		rows, err1 := r.Nonces(t.Context(), store.NonceFilter{})
		records, err2 := r.Audit(t.Context(), store.AuditFilter{})
		loads, err3 := r.Loads(t.Context(), []int64{w.ID})
		if len(rows) != 1 || len(records) != 1 || loads[0].Reserved != 1 || rows[0].Request != "r0" {
			t.Errorf("rows %+v, records %+v, loads %+v", rows, records, loads)
		}
		return errors.Join(err1, err2, err3)
	})
	if err != nil {
		t.Error(err)
	}
}

// A request that was given a nonce of another wallet while its lock was waited for is decided on anew, with that wallet locked.
func TestF03ARequestServedMeanwhileOnAnotherWalletIsSeen(t *testing.T) {
	dsn := pgtest.DSN(t)
	d := migrated(t, dsn)
	here, there := addWallet(t, d, "0xa"), addWallet(t, d, "0xb")
	watch, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close(t.Context()) }()
	want := store.ReserveWant{WalletIDs: []int64{here.ID}, Requests: []string{"r"}, FreeLimit: 1}
	var facts store.ReserveFacts
	tries := 0
	read := make(chan struct{})
	var all sync.WaitGroup
	err = d.Update(t.Context(), func(tx store.Tx) error {
		both := store.ReserveWant{WalletIDs: []int64{here.ID, there.ID}}
		if _, err := tx.LockForReserve(t.Context(), both); err != nil {
			return err
		}
		all.Go(func() {
			defer close(read)
			err := d.Update(t.Context(), func(tx store.Tx) (err error) {
				tries++
				facts, err = tx.LockForReserve(t.Context(), want)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		if !waits(t, watch, read) {
			t.Error("it did not wait")
		}
		return tx.Reserve(t.Context(), one(there, "r", 0))
	})
	all.Wait()
	if err != nil || tries != 2 || len(facts.Wallets) != 2 || len(facts.Loads) != 2 || len(facts.Held) != 1 || facts.Held[0].WalletID != there.ID {
		t.Errorf("after %d tries it saw %+v, %v", tries, facts, err)
	}
}

// What REFERENCES would hold, triggers hold here.
func TestNoncesAndRequestsAreOfWalletsThatAreThere(t *testing.T) {
	dsn := pgtest.DSN(t)
	d := migrated(t, dsn)
	w, unused := addWallet(t, d, "0xa"), addWallet(t, d, "0xb")
	if err := d.Update(t.Context(), func(tx store.Tx) error { return tx.Reserve(t.Context(), one(w, "r", 0)) }); err != nil {
		t.Fatal(err)
	}
	for statement, want := range map[string]string{
		"DELETE FROM internal_wallets WHERE address = '0xa'": "23503",
		"TRUNCATE nonces CASCADE":                            "not emptied",
		"INSERT INTO nonces (wallet_id, nonce, state, fence, updated_at) VALUES (4711, 0, 'free', 1, now())": "23503",
	} {
		if err := pgtest.Exec(t.Context(), dsn, statement); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	if err := pgtest.Exec(t.Context(), dsn, "DELETE FROM internal_wallets WHERE address = '0xb'"); err != nil {
		t.Errorf("wallet %d, which nothing names: %v", unused.ID, err)
	}
}

// Rights are taken from the owner as well. (The owner of a test's cluster is a superuser, whom only the triggers stop.)
func TestAnOwnerHasNoRightToChangeTheRecord(t *testing.T) {
	dsn := pgtest.DSN(t)
	role := "owner_" + dsn[strings.LastIndex(dsn, "/coffer_")+8:strings.LastIndex(dsn, "?")]
	for _, s := range []string{"CREATE ROLE " + role + " LOGIN", "GRANT CREATE, USAGE ON SCHEMA public TO " + role} {
		if err := pgtest.Exec(t.Context(), dsn, s); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := pgtest.Exec(context.Background(), dsn, "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	as := strings.Replace(dsn, "postgres@", role+"@", 1)
	d := migrated(t, as)
	if err := d.Update(t.Context(), func(tx store.Tx) error { return tx.Record(t.Context(), one(store.Wallet{}, "r", 0).Audit) }); err != nil {
		t.Errorf("the owner cannot append: %v", err)
	}
	for _, s := range []string{
		"UPDATE audit_log SET actor = ''", "DELETE FROM audit_log", "TRUNCATE audit_log", "UPDATE ledger SET id = ''", "DELETE FROM ledger", "TRUNCATE ledger",
	} {
		if err := pgtest.Exec(t.Context(), as, s); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", s, err)
		}
		if err := pgtest.Exec(t.Context(), dsn, s); err == nil || strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s, as a superuser: %v", s, err)
		}
	}
}
