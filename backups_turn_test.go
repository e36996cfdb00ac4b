package coffer

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"coffer.internal/internal/config"
	"coffer.internal/internal/keyfile"
)

// Who waited for the lock while another daemon wrote a backup finds that it is not due any more.
func TestABackupThatAnotherDaemonWroteMeanwhileIsNotWrittenAgain(t *testing.T) {
	home := t.TempDir()
	recipient, err := CreateBackupKey(filepath.Join(home, "officer.key"))
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Home: home, Database: "sqlite:" + filepath.Join(home, "coffer.db"), Signer: "unix:" + filepath.Join(home, "none.sock"),
		Audit:  config.Audit{Key: filepath.Join(home, "audit.key")},
		Backup: config.Backup{Recipients: []string{recipient}, Dir: filepath.Join(home, "backups"), Every: time.Hour, Keep: 9},
	}
	if _, err := keyfile.Create(c.Audit.Key); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.Backup.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	o := Options{Now: func() time.Time { now = now.Add(time.Second); return now }}
	db, err := OpenDatabase(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ledger, err := s.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 1, 2} {
		if want == 2 {
			now = now.Add(time.Hour)
		}
		b := &backups{System: s, ledger: ledger}
		if err := b.due(t.Context()); err != nil {
			t.Fatal(err)
		}
		if files, err := os.ReadDir(c.Backup.Dir); err != nil || len(files) != want {
			t.Errorf("in the folder: %v, %v; want %d", files, err, want)
		}
	}
}
