package backup_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"coffer.internal/internal/backup"
)

const ledgerID = "00112233445566778899aabbccddeeff"

func TestOnlyTheNewestBackupsOfThisLedgerAreLeftInAFolder(t *testing.T) {
	dir := t.TempDir()
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.FixedZone("", 3600))
	var own []string
	for day := range 5 {
		own = append(own, backup.FileName(ledgerID, noon.AddDate(0, 0, day)))
	}
	others := []string{
		backup.FileName("ff"+ledgerID, noon), "notes.txt", "coffer-00112233-20200101T000000Z.age.bak", "old-coffer-00112233-20200101T000000Z.age",
		".new-coffer-00112233-20261128T110000Z.age-1", ".new-notes-2",
	}
	left := ".new-coffer-00112233-20261127T110000Z.age-17"
	for _, name := range append(append(slices.Clone(own), others...), left) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "coffer-00112233-20200101T000000Z.age"), 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(filepath.Join(dir, left), now, now.Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	removed, err := backup.Thin(dir, ledgerID, 2, now)
	slices.Sort(removed)
	if want := append([]string{left}, own[:3]...); err != nil || !slices.Equal(removed, want) {
		t.Errorf("removed %q, %v; want %q", removed, err, want)
	}
	if removed, err := backup.Thin(dir, ledgerID, 0, now); err != nil || !slices.Equal(removed, own[3:4]) {
		t.Errorf("removed %q, %v: the newest always stays", removed, err)
	}
	for _, name := range append(others, own[4]) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
