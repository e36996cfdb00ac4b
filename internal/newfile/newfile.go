// Package newfile writes files that must not exist yet.
package newfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coffer.internal/internal/fault"
)

// Write makes a file that is readable to its owner alone: whole and on the disk, or not at all. One that is there stays as it is
// (fault.Refused, file_exists), also if somebody else makes it at the same moment.
func Write(path string, b []byte) (err error) {
	if err := Free(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return fault.Wrap(err, nil, "not_written", "check that the folder exists and is yours", "write %s", path)
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), path) // fails if somebody else was faster
	}
	err = errors.Join(err, os.Remove(temp.Name()))
	if errors.Is(err, fs.ErrExist) {
		return exists(path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Free refuses a path at which something is. It is asked before work is done whose result is to be written there.
func Free(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return exists(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return fmt.Errorf("look at %s: %w", path, err)
}

func exists(path string) error {
	return fault.New(fault.Refused, "file_exists", "name another file, or move that one away", "%s exists, and is not written over", path)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
