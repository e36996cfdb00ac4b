package coffer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/backup"
	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/newfile"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/storefault"
)

// BackupManifest is what a backup holds.
type BackupManifest = backup.Manifest

// Backup is a backup that was written.
type Backup struct {
	Path     string
	Bytes    int64
	Manifest BackupManifest
}

// Audit rows of backups.
const (
	actionBackup  = "backup.make"
	subjectBackup = "backup"
)

// Backup writes the whole ledger, as it is at one moment, and coffer.toml into one file that is sealed for recipients: those given, else
// those of the settings. Path is a file that does not exist, or a folder, in which the file is called by ledger and time. Others go on
// working meanwhile. The file is there when it is whole, or not at all.
func (s *System) Backup(ctx context.Context, path string, to []string) (Backup, error) {
	b, err := s.backUp(ctx, path, to)
	row := s.backupRow(b)
	if err != nil {
		row.After, row.Result, row.Reason = path, store.ResultRefused, err.Error()
	}
	record := s.db.Update(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.Record(ctx, []store.AuditRow{row}) })
	if record != nil && err == nil {
		err = storefault.Of(record, "write down that "+b.Path+" was made")
	}
	return b, err
}

func (s *System) backupRow(b Backup) store.AuditRow {
	return store.AuditRow{
		Actor: s.actor, Action: actionBackup, Subject: subjectBackup, Result: store.ResultDone,
		After: fmt.Sprintf("%s: %d bytes, manifest %s", b.Path, b.Bytes, b.Manifest.Digest),
	}
}

func (s *System) backUp(ctx context.Context, path string, to []string) (b Backup, err error) {
	if len(to) == 0 {
		to = s.config.Backup.Recipients
	}
	if len(to) == 0 {
		return b, fault.New(fault.Usage, "no_recipients", "--to age1…, or recipients of [backup] in coffer.toml; coffer backup key FILE makes a key",
			"nobody is named who can open the backup, and there is none that is not sealed")
	}
	recipients, err := backup.ParseRecipients(to)
	if err != nil {
		return b, err
	}
	signer, err := s.auditSigner(ctx)
	if err != nil {
		return b, err
	}
	if signer == nil {
		return b, fault.New(fault.NotFound, "no_audit_key", createAuditKey, "there is no key to sign the backup with: it is that of the audit log")
	}
	if path, err = s.backupPath(ctx, path); err != nil {
		return b, err
	}
	return s.writeBackup(ctx, path, recipients, signer)
}

// backupPath is the file that a backup is written to.
func (s *System) backupPath(ctx context.Context, path string) (string, error) {
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		return path, nil
	}
	ledger, err := s.Ledger(ctx)
	if err != nil {
		return "", err
	}
	var now time.Time
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		now, err = r.Now(ctx)
		return err
	})
	return filepath.Join(path, backup.FileName(ledger, now)), storefault.Of(err, "read the time")
}

func (s *System) writeBackup(ctx context.Context, path string, recipients []age.Recipient, signer note.Signer) (b Backup, err error) {
	settings, err := s.settings()
	if err != nil {
		return b, err
	}
	f, err := newfile.Create(path)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, f.Drop()) }()
	n := &tally{to: f}
	m, err := backup.Write(ctx, n, backup.Options{
		DB: s.db, Signer: signer, Recipients: recipients, Config: settings, Host: hostname(), Version: Version,
	})
	if n.failed != nil {
		return b, fault.Wrap(n.failed, nil, "backup_not_written", "make room, or name another place", "the backup was given up")
	}
	if err != nil {
		return b, storefault.Of(err, "back up the ledger")
	}
	if err := f.Keep(); err != nil {
		return b, err
	}
	return Backup{Path: path, Bytes: n.n, Manifest: m}, nil
}

// settings is coffer.toml as it is; nil if there is none.
func (s *System) settings() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(s.config.Home, config.FileName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// tally counts what is written, and remembers what became of it: that the disk is full is not the database's fault.
type tally struct {
	to     *newfile.File
	n      int64
	failed error
}

// Write writes on.
func (c *tally) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	if err != nil {
		c.failed = err
	}
	return n, err
}

// BackupSource says how a backup is opened.
type BackupSource struct {
	Path     string
	Identity string   // file of a recipient's key
	Keys     []string // public keys of which one must have signed it (AuditKey); none: the audit key of the settings
}

// source is where a backup is read from. Without keys, and without one of the settings, its signature cannot be looked at: that is refused
// when it is read.
func (b BackupSource) source(c Config) (s backup.Source, err error) {
	s.Open = func() (io.ReadCloser, error) { return backup.OpenFile(b.Path) }
	if s.Identities, err = backup.ReadIdentities(b.Identity); err != nil {
		return s, err
	}
	if s.Keys, err = verifiers(b.Keys); err != nil || len(s.Keys) > 0 {
		return s, err
	}
	s.Home, err = keyfile.Public(c.Audit.Key)
	if errors.Is(err, fault.NotFound) {
		return s, nil
	}
	return s, err
}

// BackupVerdict is what a verification of a backup found.
type BackupVerdict struct {
	Manifest BackupManifest
	Audit    AuditVerdict // of the audit log in it
	Findings []string     // what contradicts itself; empty: nothing does
}

// VerifyBackup restores a backup into a database of its own, which is thrown away, and checks what is there: everything against the
// manifest, the audit log against its checkpoints, nonces against cursors. It needs no ledger, and of the Config only the audit key.
func VerifyBackup(ctx context.Context, c Config, from BackupSource) (v BackupVerdict, err error) {
	source, err := from.source(c)
	if err != nil {
		return v, err
	}
	dir, err := os.MkdirTemp("", "coffer-backup-") // for its owner alone
	if err != nil {
		return v, fmt.Errorf("make a place to restore to: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "coffer.db"), sqlite.Options{Now: time.Now, Throwaway: true})
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Migrate(ctx); err != nil {
		return v, storefault.Of(err, "make a place to restore to")
	}
	if v.Manifest, err = backup.Load(ctx, db, source, nil); err != nil {
		return v, storefault.Of(err, "restore the backup to look at it")
	}
	keys, err := source.KeysOf(v.Manifest.Ledger)
	if err != nil {
		return v, err
	}
	report, err := backup.Check(ctx, db, v.Manifest, keys...)
	v.Audit, v.Findings = report.Audit, report.Findings
	return v, storefault.Of(err, "check the backup")
}

// CreateBackupKey makes a key that backups can be sealed for, in a file that does not exist, and gives the public one.
func CreateBackupKey(path string) (string, error) { return backup.CreateIdentity(path) }
