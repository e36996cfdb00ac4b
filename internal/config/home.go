package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"coffer.internal/internal/fault"
)

// Home is $COFFER_HOME, else ~/.coffer, absolute. It need not exist.
func Home(getenv func(string) string) (string, error) {
	home := getenv("COFFER_HOME")
	if home == "" {
		user := getenv("HOME")
		if user == "" {
			return "", fault.New(fault.Usage, "no_home", "set COFFER_HOME to the folder that coffer keeps its files in", "neither COFFER_HOME nor HOME is set")
		}
		home = filepath.Join(user, ".coffer")
	}
	abs, err := filepath.Abs(home)
	if err != nil {
		return "", badHome(home, err)
	}
	return abs, nil
}

// Init makes the home and its commented coffer.toml, readable to nobody else whatever the umask. What is there already stays as
// it is; wrote says whether coffer.toml was not.
func Init(home string) (wrote bool, err error) {
	if err := makeHome(home); err != nil {
		return false, err
	}
	path := filepath.Join(home, FileName)
	if _, err := os.Lstat(path); err == nil {
		return false, checkMine(path, 0o600)
	}
	// Linked into place when it is whole, so that a crash leaves no half of it, and a file of somebody faster is kept.
	temp, err := os.CreateTemp(home, FileName+".*")
	if err != nil {
		return false, badHome(home, err)
	}
	_, err = temp.WriteString(Template)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), path)
	}
	err = errors.Join(err, os.Remove(temp.Name()))
	if errors.Is(err, fs.ErrExist) {
		return false, checkMine(path, 0o600)
	}
	if err != nil {
		return false, badHome(home, err)
	}
	return true, nil
}

// makeHome makes the folder, or takes an empty one of ours.
func makeHome(home string) error {
	info, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(home, 0o700); err == nil {
			err = os.Chmod(home, 0o700) // the umask may have taken rights away
		}
		if err != nil {
			return badHome(home, err)
		}
		return checkHome(home)
	}
	if err != nil {
		return badHome(home, err)
	}
	if !info.IsDir() || owner(info) != os.Geteuid() {
		return checkHome(home)
	}
	inside, err := os.ReadDir(home)
	if err == nil && len(inside) == 0 {
		err = os.Chmod(home, 0o700)
	}
	if err != nil {
		return badHome(home, err)
	}
	return checkHome(home)
}

// checkHome refuses a home that somebody else owns or may look into. One that does not exist is fine.
func checkHome(home string) error {
	return checkMine(home, 0o700)
}

// checkMine refuses a path that belongs to another user, or gives group or others any right. One that does not exist is fine.
func checkMine(path string, want fs.FileMode) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return badHome(path, err)
	}
	if want == 0o700 && !info.IsDir() {
		return fault.New(fault.Usage, "bad_home", "set COFFER_HOME to a folder", "%s is not a folder", path)
	}
	if uid := owner(info); uid != os.Geteuid() {
		return fault.New(fault.NotAllowed, "other_owner", "run coffer as its owner, or set COFFER_HOME to a folder of your own",
			"%s belongs to user %d, and you are user %d", path, uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fault.New(fault.NotAllowed, "mode_too_open", chmod(want, path), "%s is open to others: its mode is %04o, not %04o", path, mode, want)
	}
	return nil
}

func chmod(mode fs.FileMode, path string) string {
	if mode == 0o700 {
		return "chmod 700 " + path
	}
	return "chmod 600 " + path
}

func owner(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

// badHome is a home that cannot be used.
func badHome(home string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fault.Wrap(err, fault.NotAllowed, "bad_home", "set COFFER_HOME to a folder of your own", "the home %s", home)
	}
	return fault.Wrap(err, nil, "bad_home", "set COFFER_HOME to a folder of your own", "the home %s", home)
}
