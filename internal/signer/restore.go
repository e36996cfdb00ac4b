package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
)

// Restore makes a home of a backup. There must be none, or an empty one. The machine comes back frozen: it does not know what was signed
// after the backup was made. Of a backup that is not whole, nothing is left.
func Restore(ctx context.Context, home string, backup io.Reader, identities []age.Identity, by string, now time.Time) (a wire.BackupAnswer, err error) {
	if err := free(home); err != nil {
		return a, err
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o700); err != nil {
		return a, fmt.Errorf("make the home: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(home), ".restore-*") // 0700
	if err != nil {
		return a, fmt.Errorf("make the home: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }() // of no effect once it has its name
	a, err = ReadBackup(backup, identities, func(name string, r io.Reader) error { return writePart(filepath.Join(temp, name), r) })
	if err != nil {
		return wire.BackupAnswer{}, err
	}
	if !vault.Exists(temp) {
		return wire.BackupAnswer{}, badBackup(errors.New("it has no vault"))
	}
	if err := freezeRestored(ctx, temp, a.Manifest, by, now); err != nil {
		return wire.BackupAnswer{}, err
	}
	if err := os.Rename(temp, home); err != nil { // over an empty folder, too; it fails if it is not empty any more
		return wire.BackupAnswer{}, fmt.Errorf("make the home: %w", err)
	}
	d, err := os.Open(filepath.Dir(home))
	if err != nil {
		return a, err
	}
	return a, errors.Join(d.Sync(), d.Close())
}

// free refuses a home that holds anything.
func free(home string) error {
	there, err := os.ReadDir(home)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(there) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the home: %w", err)
	}
	return fault.New(fault.Refused, "home_in_use", "set COFFER_SIGNER_HOME to a folder that does not exist", "%s holds something: a backup is restored into an empty home only", home)
}

func writePart(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
}

func freezeRestored(ctx context.Context, home string, m wire.Manifest, by string, now time.Time) (err error) {
	j, err := journal.OpenAlone(home, journal.Options{})
	if err != nil {
		return badBackup(err)
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	_, _, err = j.Freeze(ctx, journal.FreezeCause{
		At: now.UTC().Truncate(time.Second), By: by,
		Reason: "restored from a backup of " + m.MadeAt.UTC().Format(time.RFC3339) + ": load what coffer holds, then unfreeze",
	})
	return err
}
