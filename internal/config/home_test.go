package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestHomeIsTheVariableElseBesideTheUsersOwn(t *testing.T) {
	for want, getenv := range map[string]func(string) string{
		"/srv/coffer":     env("COFFER_HOME", "/srv/coffer", "HOME", "/home/a"),
		"/home/a/.coffer": env("HOME", "/home/a"),
	} {
		if got, err := config.Home(getenv); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	if _, err := config.Home(env()); !errors.Is(err, fault.Usage) || !strings.Contains(fault.Hint(err), "COFFER_HOME") {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
	if got, err := config.Home(env("COFFER_HOME", "here")); err != nil || !filepath.IsAbs(got) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestInitMakesAHomeThatNobodyElseCanReadWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		home := filepath.Join(t.TempDir(), "home")
		before := syscall.Umask(umask)
		wrote, err := config.Init(home)
		syscall.Umask(before)
		if err != nil || !wrote {
			t.Fatalf("umask %04o: wrote %v, %v", umask, wrote, err)
		}
		if got := mode(t, home); got != 0o700 {
			t.Errorf("umask %04o: the home has mode %04o", umask, got)
		}
		if got := mode(t, filepath.Join(home, config.FileName)); got != 0o600 {
			t.Errorf("umask %04o: coffer.toml has mode %04o", umask, got)
		}
		left, err := os.ReadDir(home)
		if err != nil || len(left) != 1 {
			t.Errorf("umask %04o: %v lies there, %v", umask, left, err)
		}
		if _, err := config.Load(home, env(), config.Flags{}); err != nil {
			t.Error(err)
		}
	}
}

func TestInitTwiceKeepsTheFileAsItIs(t *testing.T) {
	home := homeWith(t, "pool_size = 3\n")
	wrote, err := config.Init(home)
	if err != nil || wrote {
		t.Errorf("wrote %v, %v", wrote, err)
	}
	if c, err := config.Load(home, env(), config.Flags{}); err != nil || c.PoolSize != 3 {
		t.Errorf("%d, %v", c.PoolSize, err)
	}
}

func TestInitClosesAnEmptyHomeAndRefusesAnOpenOneWithFilesInIt(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Init(empty); err != nil || mode(t, empty) != 0o700 {
		t.Errorf("mode %04o, %v", mode(t, empty), err)
	}
	full := homeWith(t, "")
	if err := os.Chmod(full, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Init(full); !errors.Is(err, fault.NotAllowed) || fault.Hint(err) != "chmod 700 "+full {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
}

func TestAnOpenHomeOrFileIsRefusedWithTheChmodToRun(t *testing.T) {
	home := homeWith(t, "")
	file := filepath.Join(home, config.FileName)
	for _, c := range []struct {
		path      string
		open, own os.FileMode
		says      string
		hint      string
	}{
		{home, 0o755, 0o700, home + " is open to others: its mode is 0755, not 0700", "chmod 700 " + home},
		{file, 0o644, 0o600, file + " is open to others: its mode is 0644, not 0600", "chmod 600 " + file},
		{file, 0o620, 0o600, file + " is open to others: its mode is 0620, not 0600", "chmod 600 " + file},
	} {
		if err := os.Chmod(c.path, c.open); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(home, env(), config.Flags{})
		if !errors.Is(err, fault.NotAllowed) || err.Error() != c.says || fault.Hint(err) != c.hint {
			t.Errorf("%v, hint %q; want %q, %q", err, fault.Hint(err), c.says, c.hint)
		}
		if err := os.Chmod(c.path, c.own); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheHomeOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a file of another user")
	}
	for _, name := range []string{"", config.FileName} {
		home := homeWith(t, "")
		if err := os.Chown(filepath.Join(home, name), 12345, -1); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(home, env(), config.Flags{})
		if !errors.Is(err, fault.NotAllowed) || fault.Code(err) != "other_owner" || !strings.Contains(err.Error(), "belongs to user 12345") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAHomeThatIsAFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, env(), config.Flags{}); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "is not a folder") {
		t.Error(err)
	}
}
