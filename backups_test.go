package coffer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/config"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/store/postgres/pgtest"
)

// backedUp is a ledger whose daemon writes backups into a folder.
type backedUp struct {
	*testing.T
	config   coffer.Config
	identity string
}

func newBackedUp(t *testing.T, database string, every time.Duration) *backedUp {
	t.Helper()
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	b := &backedUp{T: t, identity: filepath.Join(home, "officer.key")}
	recipient, err := coffer.CreateBackupKey(b.identity)
	if err != nil {
		t.Fatal(err)
	}
	if database == "" {
		database = "sqlite:" + filepath.Join(home, "coffer.db")
	}
	b.config = coffer.Config{
		Home: home, Database: database, Signer: "unix:" + filepath.Join(home, "none.sock"), Audit: config.Audit{Key: filepath.Join(home, "audit.key")},
		Backup: config.Backup{Recipients: []string{recipient}, Dir: filepath.Join(home, "backups"), Every: every, Keep: 2},
	}
	if _, err := keyfile.Create(b.config.Audit.Key); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(b.config.Backup.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	makeSchema(t, b.config, coffer.Options{})
	return b
}

// makeSchema makes the tables of a configuration's database.
func makeSchema(t *testing.T, c coffer.Config, o coffer.Options) {
	t.Helper()
	db, err := coffer.OpenDatabase(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// run runs a daemon until stop is called.
func (b *backedUp) run(now func() time.Time) (s *coffer.System, stop func()) {
	b.Helper()
	s, err := coffer.Open(b.Context(), b.config, coffer.Options{Now: now})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-ran; !errors.Is(err, context.Canceled) {
			b.Errorf("run: %v", err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}

// scheduled are the audit rows of backups that a daemon wrote, newest first.
func (b *backedUp) scheduled(s *coffer.System) []coffer.AuditRow {
	b.Helper()
	rows, err := s.Audit(b.Context(), coffer.AuditFilter{Subject: "backup of coffer run"})
	if err != nil {
		b.Fatal(err)
	}
	return rows
}

// alarm is the open one about backups, or nil.
func (b *backedUp) alarm(s *coffer.System) *coffer.Alarm {
	b.Helper()
	open, err := s.Alarms(b.Context(), false)
	if err != nil {
		b.Fatal(err)
	}
	for _, a := range open {
		if a.Kind == "no_backup" {
			return &a
		}
	}
	return nil
}

func (b *backedUp) files() []string {
	b.Helper()
	found, err := filepath.Glob(filepath.Join(b.config.Backup.Dir, "*"))
	if err != nil {
		b.Fatal(err)
	}
	return found
}

// What a backup is looked at in is gone afterwards, whatever came of it, and nobody else could have looked into it.
func TestNothingIsLeftOfABackupThatWasVerified(t *testing.T) {
	b := newBackedUp(t, "", time.Hour)
	s, err := coffer.Open(t.Context(), b.config, coffer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	made, err := s.Backup(t.Context(), b.config.Backup.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	source := coffer.BackupSource{Path: made.Path, Identity: b.identity}
	if _, err := coffer.VerifyBackup(t.Context(), b.config, source); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(made.Path, made.Bytes-1); err != nil {
		t.Fatal(err)
	}
	if _, err := coffer.VerifyBackup(t.Context(), b.config, source); !errors.Is(err, coffer.ErrRefused) {
		t.Errorf("cut off: %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	if err := os.Remove(b.config.Audit.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), b.config.Backup.Dir, nil); !errors.Is(err, coffer.ErrNotFound) {
		t.Errorf("without a key to sign it with: %v", err)
	}
}

// ticking is a clock that goes on by a second whenever it is looked at.
func ticking() func() time.Time {
	var looks atomic.Int64
	begin := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	return func() time.Time { return begin.Add(time.Duration(looks.Add(1)) * time.Second) }
}

func TestADaemonBacksUpAndLeavesTheNewest(t *testing.T) {
	b := newBackedUp(t, "", 10*time.Millisecond)
	s, stop := b.run(ticking())
	eventually(t, "no five backups", func() bool { return len(b.scheduled(s)) >= 5 })
	stop()
	files := b.files()
	if len(files) < 2 || len(files) > 3 { // the third, if it ended between writing one and taking one away
		t.Fatalf("in the folder: %q", files)
	}
	v, err := coffer.VerifyBackup(t.Context(), b.config, coffer.BackupSource{Path: files[len(files)-1], Identity: b.identity})
	if err != nil || len(v.Findings)+len(v.Audit.Findings) > 0 || v.Manifest.Rows("audit_log") < 4 {
		t.Errorf("the newest: %+v, %v", v, err)
	}
}

func TestABackupThatFailsIsAnAlarmUntilOneSucceeds(t *testing.T) {
	b := newBackedUp(t, "", 10*time.Millisecond)
	dir := b.config.Backup.Dir
	if err := errors.Join(os.Remove(dir), os.WriteFile(dir+".old", nil, 0o600), os.Symlink(filepath.Join(dir, "nowhere"), dir)); err != nil {
		t.Fatal(err)
	}
	s, stop := b.run(ticking())
	defer stop()
	alarm := func() *coffer.Alarm { return b.alarm(s) }
	eventually(t, "no alarm", func() bool { return alarm() != nil })
	if a := alarm(); a.Brake || a.Sticky || !strings.Contains(a.Why, "failed") || !strings.Contains(a.ToDo, "dir of [backup]") {
		t.Errorf("alarm: %+v", a)
	}
	if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the alarm stays", func() bool { return alarm() == nil })
	for _, action := range []string{"alarm.raise", "alarm.end"} {
		rows, err := s.Audit(t.Context(), coffer.AuditFilter{Action: action, Subject: "no_backup::0"})
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %+v, %v", action, rows, err)
		}
	}
}

// Whoever is to write them hangs, and says nothing: the others say so.
func TestThatNobodyWritesBackupsIsAnAlarm(t *testing.T) {
	b := newBackedUp(t, "", 10*time.Millisecond)
	db, err := coffer.OpenDatabase(t.Context(), b.config, coffer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hung, err := db.Hold(t.Context(), "backup")
	if err != nil {
		t.Fatal(err)
	}
	s, stop := b.run(ticking())
	defer stop()
	eventually(t, "no alarm", func() bool { return b.alarm(s) != nil })
	if a := b.alarm(s); !strings.Contains(a.Why, "no backup was written since 2026-11-28T12:") {
		t.Errorf("alarm: %+v", a)
	}
	if err := hung.Release(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the alarm stays", func() bool { return b.alarm(s) == nil })
}

// Of several daemons on one database one writes each backup.
func TestDaemonsShareTheBackups(t *testing.T) {
	const every = 1200 * time.Millisecond // files are called by the second
	b := newBackedUp(t, pgtest.DSN(t), every)
	s, stop := b.run(time.Now)
	_, stopOther := b.run(time.Now)
	eventually(t, "no three backups", func() bool { return len(b.scheduled(s)) >= 3 })
	rows := b.scheduled(s)
	stopOther()
	stop()
	for i := range rows[1:] {
		if apart := rows[i].At.Sub(rows[i+1].At); apart < every/2 {
			t.Errorf("two backups are %s apart: %+v", apart, rows)
		}
	}
}
