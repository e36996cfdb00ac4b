package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"coffer.internal/internal/store"
)

// checkMode judges what os.Stat said of one of the database's files.
func checkMode(path string, info fs.FileInfo, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: %w", path, store.ErrNoSchema)
	case err != nil:
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file: %w", path, store.ErrUnreachable)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s has mode %04o, wanted 0600 (chmod 600 %s): %w", path, info.Mode().Perm(), path, store.ErrMode)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, and this is user %d: %w", path, owner.Uid, os.Geteuid(), store.ErrMode)
	}
	return checkFolder(filepath.Dir(path))
}

// checkFolder refuses a folder in which others could put another file in place of ours.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("the folder %s has mode %04o, wanted 0700 (chmod 700 %s): %w", dir, info.Mode().Perm(), dir, store.ErrMode)
	}
	return nil
}

// makeFile makes the empty database file for its owner alone, whatever the umask. One that is there is left as it is.
func makeFile(path string) error {
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}
