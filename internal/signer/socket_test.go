package signer

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
)

func TestASocketIsOpenToItsOwnerAlone(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o660} {
		path := filepath.Join(t.TempDir(), "signer.sock")
		l, err := Socket{Path: path, Mode: mode}.Listen()
		if err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != mode {
			t.Errorf("mode %v, %v", st.Mode(), err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
			t.Errorf("it left %v behind, %v", left, err)
		}
	}
}

func TestTheSocketOfALiveMachineIsNotTaken(t *testing.T) {
	s := Socket{Path: filepath.Join(t.TempDir(), "signer.sock"), Mode: 0o600}
	l, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := s.Listen(); !errors.Is(err, fault.Refused) || fault.Code(err) != "already_serving" {
		t.Errorf("%v", err)
	}
}

func TestTheSocketOfADeadMachineIsReplaced(t *testing.T) {
	s := Socket{Path: filepath.Join(t.TempDir(), "signer.sock"), Mode: 0o600}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.Path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", s.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Error(err)
	}
}

func TestPlacesThatCannotBeListenedOnAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for code, s := range map[string]Socket{
		"not_a_socket": {Path: file, Mode: 0o600},
		"bad_socket":   {Path: filepath.Join(t.TempDir(), "none", "s"), Mode: 0o600},
		"long_socket":  {Path: filepath.Join(t.TempDir(), strings.Repeat("x", 100)), Mode: 0o600},
		"bad_group":    {Path: filepath.Join(t.TempDir(), "s"), Mode: 0o660, Group: "no such group"},
	} {
		if _, err := s.Listen(); fault.Code(err) != code || !strings.Contains(err.Error(), s.Path) && code != "bad_group" {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, listen := range []string{"", "unix:", "signer.sock", ":8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:https", "127.0.0.1:65536", "https://127.0.0.1:1"} {
		if _, err := ParseListen(listen); !errors.Is(err, fault.Usage) {
			t.Errorf("listen on %q: %v", listen, err)
		}
	}
	for _, mode := range []string{"", "0666", "0644", "600x", "0400", "7777777"} {
		if _, err := ParseMode(mode); !errors.Is(err, fault.Usage) {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
}

func TestAHomeIsServedByOneProcess(t *testing.T) {
	home := newHome(t)
	release, err := Hold(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(home); fault.Code(err) != "already_serving" {
		t.Errorf("%v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, err := Hold(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
