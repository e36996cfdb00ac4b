package backup_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/backup"
	"coffer.internal/internal/store"
)

// Each file of testdata is a backup that an older coffer wrote, of a ledger with a bit of everything, and beside it the key of its recipient.
// Whatever migrations came since, it can be restored.
func TestABackupOfAnOlderCofferCanBeRestored(t *testing.T) {
	files, err := filepath.Glob("testdata/*.age")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no backups, %v", err)
	}
	for _, path := range files {
		secret, err := os.ReadFile(path[:len(path)-len("age")] + "key")
		if err != nil {
			t.Fatal(err)
		}
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, secret, 0o600); err != nil {
			t.Fatal(err)
		}
		identities, err := backup.ReadIdentities(key)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, on := range databases {
			t.Run(filepath.Base(path)+" into "+on.name, func(t *testing.T) {
				db := on.open(t)
				m, err := backup.Load(t.Context(), db, backup.Source{Open: opener(file), Identities: identities, AnySigner: true}, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, table := range store.Tables() {
					var rows int64
					err := db.View(t.Context(), func(r store.Reader) error {
						return r.ReadTable(t.Context(), table, func([]any) error { rows++; return nil })
					})
					if err != nil || rows != m.Rows(table.Name) {
						t.Errorf("%s has %d rows, %v; the manifest says %d", table.Name, rows, err, m.Rows(table.Name))
					}
				}
				key := verifier(t, m.Ledger, privateKey)
				r, err := backup.Check(t.Context(), db, m, []note.Verifier{key}...)
				if err != nil || len(r.Findings) > 0 || len(found(r.Audit)) > 0 || r.Audit.Entries == 0 {
					t.Errorf("Check: %+v, %v", r, err)
				}
			})
		}
	}
}
