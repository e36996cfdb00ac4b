package postgres

import (
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

// slow begins a transaction that accepts a withdrawal, and leaves it open until commit is called.
func slow(t *testing.T, d *DB, payment string) (commit func()) {
	t.Helper()
	written, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- d.Update(t.Context(), func(tx store.Tx) error {
			if err := accept(t, tx, payment); err != nil {
				return err
			}
			close(written)
			<-release
			return nil
		})
	}()
	select {
	case <-written:
	case err := <-done:
		t.Fatal(err)
	}
	end := sync.OnceValue(func() error {
		close(release)
		return <-done
	})
	t.Cleanup(func() { _ = end() })
	return func() {
		t.Helper()
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}

func accept(t *testing.T, tx store.Tx, payment string) error {
	return tx.AddWithdrawals(t.Context(), []store.NewWithdrawal{
		{Payment: payment, Content: payment, ChainType: "evm", ChainID: 1, To: "0xa", Amount: "1"},
	})
}

func settled(t *testing.T, d *DB, after string) (events []store.Event) {
	t.Helper()
	err := d.View(t.Context(), func(r store.Reader) (err error) {
		events, err = r.Events(t.Context(), store.EventFilter{Settled: true, After: after})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestWhoReadsOnDoesNotMissTheEventOfASlowerTransaction(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	if err := d.Update(t.Context(), func(tx store.Tx) error { return accept(t, tx, "first") }); err != nil {
		t.Fatal(err)
	}
	commit := slow(t, d, "slow")
	if err := d.Update(t.Context(), func(tx store.Tx) error { return accept(t, tx, "fast") }); err != nil {
		t.Fatal(err)
	}
	// Other tests' transactions on the same server hold events back as well, so only what must not be there is certain now.
	cursor := ""
	var read []string
	look := func() {
		for _, e := range settled(t, d, cursor) {
			read, cursor = append(read, e.Payment), e.Cursor
		}
	}
	for range 5 {
		look()
	}
	for _, p := range read {
		if p == "fast" {
			t.Fatalf("read before the slow one was committed: %v", read)
		}
	}
	commit()
	for deadline := time.Now().Add(30 * time.Second); len(read) < 3 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		look()
	}
	if len(read) != 3 || read[0] != "first" || read[1] != "slow" || read[2] != "fast" {
		t.Errorf("read: %v", read)
	}
}
