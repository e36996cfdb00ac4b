package coffer

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
)

// On SQLite the daemon drives all wallets at once, though a killed predecessor seems to live for some seconds.
func TestADaemonOnSQLiteSharesWithNobody(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx store.Tx) error {
		for _, id := range []string{"killed", "me"} {
			if err := tx.Beat(t.Context(), store.Instance{ID: id, Kind: kindRun, Host: "h", PID: 1, Version: Version}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{"sqlite:coffer.db": 1, "postgres:///coffer": 2} {
		s := &System{config: Config{Database: url}}
		err := db.View(t.Context(), func(r store.Reader) error {
			n, err := s.daemons(context.Background(), r)
			if n != want {
				t.Errorf("on %s %d daemons share the wallets, not %d", url, n, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
