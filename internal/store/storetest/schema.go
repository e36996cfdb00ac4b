package storetest

import (
	"errors"
	"regexp"
	"sync"
	"testing"

	"coffer.internal/internal/store"
)

func testSchema(t *testing.T, h Harness) {
	t.Run("without a schema nothing can be read or written", func(t *testing.T) {
		w := newBareWorld(t, h)
		nothing := func(store.Reader) error { t.Error("the function ran"); return nil }
		if err := w.db.View(w.ctx, nothing); !errors.Is(err, store.ErrNoSchema) {
			t.Errorf("View = %v", err)
		}
		if err := w.db.Update(w.ctx, func(tx store.Tx) error { return nothing(tx) }); !errors.Is(err, store.ErrNoSchema) {
			t.Errorf("Update = %v", err)
		}
		if _, err := w.db.Ledger(w.ctx); !errors.Is(err, store.ErrNoSchema) {
			t.Errorf("Ledger = %v", err)
		}
	})

	t.Run("migrations are listed, applied once, and listed as applied", func(t *testing.T) {
		w := newBareWorld(t, h)
		before, err := w.db.Migrations(w.ctx)
		if err != nil || len(before) == 0 {
			t.Fatalf("Migrations = %v, %v", before, err)
		}
		for i, m := range before {
			if m.Applied || !m.At.IsZero() || m.Name == "" || (i > 0 && m.Version <= before[i-1].Version) {
				t.Errorf("before Migrate: %+v", m)
			}
		}
		applied, err := w.db.Migrate(w.ctx)
		if err != nil || len(applied) != len(before) {
			t.Fatalf("Migrate = %v, %v", applied, err)
		}
		again, err := w.db.Migrate(w.ctx)
		if err != nil || len(again) != 0 {
			t.Errorf("the second Migrate = %v, %v", again, err)
		}
		after, err := w.db.Migrations(w.ctx)
		if err != nil || len(after) != len(before) {
			t.Fatalf("Migrations = %v, %v", after, err)
		}
		for _, m := range after {
			if !m.Applied || m.At.IsZero() {
				t.Errorf("after Migrate: %+v", m)
			}
		}
	})

	t.Run("the ledger id never changes, and every ledger has another", func(t *testing.T) {
		w, other := newWorld(t, h), newWorld(t, h)
		id, err := w.db.Ledger(w.ctx)
		if err != nil || !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(id) {
			t.Fatalf("Ledger = %q, %v", id, err)
		}
		if _, err := w.db.Migrate(w.ctx); err != nil {
			t.Fatal(err)
		}
		if again, err := w.open().Ledger(w.ctx); err != nil || again != id {
			t.Errorf("Ledger = %q, %v, and before %q", again, err, id)
		}
		if theirs, err := other.db.Ledger(w.ctx); err != nil || theirs == id {
			t.Errorf("another ledger's id = %q, %v", theirs, err)
		}
	})

	t.Run("several may migrate at once", func(t *testing.T) {
		w := newBareWorld(t, h)
		var wg sync.WaitGroup
		ids := make([]string, 3)
		for i := range ids {
			db := w.open()
			wg.Go(func() {
				if _, err := db.Migrate(w.ctx); err != nil {
					t.Errorf("Migrate: %v", err)
				}
				id, err := db.Ledger(w.ctx)
				if err != nil {
					t.Errorf("Ledger: %v", err)
				}
				ids[i] = id
			})
		}
		wg.Wait()
		if ids[0] == "" || ids[1] != ids[0] || ids[2] != ids[0] {
			t.Errorf("ledger ids: %q", ids)
		}
	})

	t.Run("a schema newer than the program is refused", func(t *testing.T) {
		w := newWorld(t, h)
		err := w.exec("INSERT INTO goose_db_version (version_id, is_applied) SELECT 9999, is_applied FROM goose_db_version WHERE version_id = 1")
		if err != nil {
			t.Fatal(err)
		}
		db := w.open()
		if _, err := db.Migrations(w.ctx); !errors.Is(err, store.ErrSchemaNewer) {
			t.Errorf("Migrations = %v", err)
		}
		if _, err := db.Migrate(w.ctx); !errors.Is(err, store.ErrSchemaNewer) {
			t.Errorf("Migrate = %v", err)
		}
		if err := db.View(w.ctx, func(store.Reader) error { return nil }); !errors.Is(err, store.ErrSchemaNewer) {
			t.Errorf("View = %v", err)
		}
		if err := db.Update(w.ctx, func(store.Tx) error { return nil }); !errors.Is(err, store.ErrSchemaNewer) {
			t.Errorf("Update = %v", err)
		}
	})
}
