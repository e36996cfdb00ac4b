package postgres

import (
	"context"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

func TestWhoListensListensAgainWhenTheConnectionBreaks(t *testing.T) {
	dsn := pgtest.DSN(t)
	d := migrated(t, dsn)
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan struct{}, 16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Listen(ctx, store.TopicCache, func() { heard <- struct{}{} })
	}()
	hears := func(what string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(20 * time.Second):
			t.Fatalf("it does not hear %s", what)
		}
	}
	hears("that it listens")
	err := pgtest.Exec(t.Context(), dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
	if err != nil {
		t.Fatal(err)
	}
	hears("that it listens again") // what was told meanwhile is lost, so it must look
	err = d.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.RaiseGeneration(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hears("that the generation was raised")
	stop()
	<-ended
}
