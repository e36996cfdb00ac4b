package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"coffer.internal/internal/fault"
)

// maxPassphrase is the longest passphrase that is read, in bytes.
const maxPassphrase = 4096

// ReadPassphrase reads a passphrase file, which must be readable to nobody but its owner. One newline at its end is cut.
func ReadPassphrase(path string) ([]byte, error) {
	if err := CheckPrivate(path, 0o600); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	p, err := readPassphrase(f)
	return p, errors.Join(err, f.Close())
}

// ReadPassphraseFD reads a passphrase from an open file descriptor, such as one end of a pipe.
func ReadPassphraseFD(fd uintptr) ([]byte, error) {
	f := os.NewFile(fd, "passphrase-fd "+strconv.FormatUint(uint64(fd), 10))
	if f == nil {
		return nil, fault.New(fault.Usage, "bad_fd", "open it for the program, for example 3<FILE", "file descriptor %d is not open", fd)
	}
	p, err := readPassphrase(f)
	return p, errors.Join(err, f.Close())
}

func readPassphrase(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPassphrase+1))
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	if len(b) > maxPassphrase {
		return nil, fault.New(fault.Usage, "long_passphrase", "one line of text", "the passphrase is longer than %d bytes", maxPassphrase)
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if len(b) == 0 {
		return nil, emptyPassphrase()
	}
	return b, nil
}

func emptyPassphrase() error {
	return fault.New(fault.Usage, "empty_passphrase", "write one line of text into the file", "the passphrase is empty")
}

// CheckPrivate refuses a file or folder that somebody else owns, or that has any right for group or others. want is the mode
// that the hint tells.
func CheckPrivate(path string, want fs.FileMode) error {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		hint := "check the path"
		if filepath.Base(path) == FileName || want == 0o700 {
			hint = "coffer-signer init --passphrase-file FILE"
		}
		return fault.New(fault.NotFound, "no_file", hint, "%s does not exist", path)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		return fault.New(fault.NotAllowed, "foreign_file", "run it as the owner", "%s belongs to user %d, this is user %d", path, sys.Uid, os.Geteuid())
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		return fault.New(fault.NotAllowed, "open_file", fmt.Sprintf("chmod %04o %s", want, path), "%s has mode %04o: others can read it", path, mode)
	}
	return nil
}

// MakeHome makes the home of a signing machine, readable to nobody else whatever the umask. One that is there must be so already.
func MakeHome(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("make the home: %w", err)
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return os.Chmod(dir, 0o700) // the umask may have taken rights away
	}
	if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the home: %w", err)
	}
	return CheckPrivate(dir, 0o700)
}

// writeOnce writes a file that must not exist: whole and on disk, or not at all.
func writeOnce(path string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".vault-*")
	if err != nil {
		return fmt.Errorf("write the vault: %w", err)
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), path) // fails if somebody else was faster
	}
	err = errors.Join(err, os.Remove(temp.Name()))
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write the vault: %w", err)
	}
	return nil
}

// Replace writes a file that may exist: on disk are the old bytes or the new ones, whole, readable to the owner alone.
func Replace(path string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".replace-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
