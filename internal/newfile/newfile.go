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

// Unfinished begins the names of files that are not whole yet; the name that they are to have, and a number, follow. One that is left lies
// there because its process was killed.
const Unfinished = ".new-"

// Write makes a file that is readable to its owner alone: whole and on the disk, or not at all. One that is there stays as it is
// (fault.Refused, file_exists), also if somebody else makes it at the same moment.
func Write(path string, b []byte) (err error) {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Drop()) }()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Keep()
}

// File is a file that is being written. It has its name only once it is kept.
type File struct {
	path string
	temp *os.File // nil: it was kept, or dropped
}

// Create begins a file, as Write makes one. Keep makes it of what was written; Drop, which may be deferred, throws away what was not kept.
func Create(path string) (*File, error) {
	if err := Free(path); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), Unfinished+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return nil, fault.Wrap(err, nil, "not_written", "check that the folder exists and is yours", "write %s", path)
	}
	return &File{path: path, temp: temp}, nil
}

// Write writes on.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.temp.Write(b)
	if err != nil {
		err = fmt.Errorf("write %s: %w", f.path, err)
	}
	return n, err
}

// Keep puts what was written to the disk and gives it its name.
func (f *File) Keep() error {
	err := errors.Join(f.temp.Sync(), f.temp.Close())
	if err == nil {
		err = os.Link(f.temp.Name(), f.path) // fails if somebody else was faster
	}
	err = errors.Join(err, os.Remove(f.temp.Name()))
	f.temp = nil
	if errors.Is(err, fs.ErrExist) {
		return exists(f.path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(f.path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

// Drop throws away what was written, if it was not kept.
func (f *File) Drop() error {
	if f.temp == nil {
		return nil
	}
	err := errors.Join(f.temp.Close(), os.Remove(f.temp.Name()))
	f.temp = nil
	return err
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
