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
	err = pgtest.Exec(t.Context(), dsn, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Lost():
	case <-time.After(beat): // it is told by the connection, not by the beat
		t.Fatal("it does not say that it is lost")
	}
	again, err := d.Hold(t.Context(), "run")
	if err != nil {
		t.Errorf("somebody else cannot have it: %v", err)
	} else if err := again.Release(); err != nil {
		t.Error(err)
	}
	if err := held.Release(); err != nil {
		t.Errorf("Release of a lost one: %v", err)
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
