package postgres

import (
	"errors"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

func TestALockIsLostWhenItsSessionIsEnded(t *testing.T) {
	dsn := pgtest.DSN(t)
	d := migrated(t, dsn)
	held, err := d.Hold(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	// In this database alone: other tests hold locks on the same cluster.
	err = pgtest.Exec(t.Context(), dsn, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Lost():
	case <-time.After(beat): // it is told by the connection, not by the beat
		t.Fatal("it does not say that it is lost")
	}
	if err := holdSoon(t, d).Release(); err != nil {
		t.Error(err)
	}
	if err := held.Release(); err != nil {
		t.Errorf("Release of a lost one: %v", err)
	}
}

// holdSoon takes the lock of a session that was ended: the server says so to its client first, and gives the lock back then.
func holdSoon(t *testing.T, d *DB) store.Hold {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		h, err := d.Hold(t.Context(), "run")
		if err == nil {
			return h
		}
		if !errors.Is(err, store.ErrHeld) {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("somebody else cannot have it")
		}
	}
}

func TestALockIsReleasedOnce(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	first, err := d.Hold(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := first.Release(); err != nil {
			t.Error(err)
		}
	}
	second, err := d.Hold(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Release() // of the one before
	if _, err := d.Hold(t.Context(), "run"); !errors.Is(err, store.ErrHeld) {
		t.Errorf("Hold = %v", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
	select {
	case <-first.Lost():
		t.Error("a released lock says that it is lost")
	default:
	}
}

func TestTwoLedgersInOneDatabaseDoNotShareLocks(t *testing.T) {
	dsn := pgtest.DSN(t)
	for _, schema := range []string{"one", "two"} {
		if err := pgtest.Exec(t.Context(), dsn, "CREATE SCHEMA "+schema); err != nil {
			t.Fatal(err)
		}
		d := migrated(t, dsn+"&search_path="+schema)
		held, err := d.Hold(t.Context(), "run")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = held.Release() }()
		if _, err := d.Hold(t.Context(), "run"); !errors.Is(err, store.ErrHeld) {
			t.Errorf("Hold = %v", err)
		}
	}
}
