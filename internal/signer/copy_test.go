package signer

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func follow(t *testing.T, m *Machine, path string) {
	t.Helper()
	if err := m.Follow(t.Context(), path, noon); err != nil {
		t.Fatal(err)
	}
}

// attemptsIn counts what a second copy holds.
func attemptsIn(t *testing.T, path string) (n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, size, err := journal.ReadCopy(bytes.NewReader(b), func(r journal.CopyRecord) error {
		if r.Attempt != nil {
			n++
		}
		return nil
	}); err != nil || size != int64(len(b)) {
		t.Fatalf("%d of %d bytes, %v", size, len(b), err)
	}
	return n
}

func TestEveryAnswerIsInTheSecondCopyBeforeItIsGiven(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	signAll(t, m, payment(from, 0, "p-0")) // before there was a copy
	path := filepath.Join(t.TempDir(), "copy.ndjson")
	follow(t, m, path)
	if got := attemptsIn(t, path); got != 1 {
		t.Errorf("%d after it began", got)
	}
	signAll(t, m, payment(from, 1, "p-1"), payment(from, 2, "p-0")) // one refused
	if got := attemptsIn(t, path); got != 3 {
		t.Errorf("%d after two more", got)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	// A process that died while it wrote leaves half a line, which nobody was told.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"chain":"00`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	follow(t, m, path)
	signAll(t, m, payment(from, 3, "p-3"))
	if got := attemptsIn(t, path); got != 4 {
		t.Errorf("%d after a restart", got)
	}
}

// breakCopy puts a full device where this process has a file open, until mend.
func breakCopy(t *testing.T, path string) (mend func()) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	for _, e := range fds {
		if at, err := os.Readlink("/proc/self/fd/" + e.Name()); err != nil || at != path {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		own, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		other, err := syscall.Open(path, syscall.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(other, fd, 0); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := syscall.Dup3(own, fd, 0); err != nil {
				t.Fatal(err)
			}
			_, _ = syscall.Close(own), syscall.Close(other)
		}
	}
	t.Fatalf("%s is not open", path)
	return nil
}

func TestNothingIsAnsweredThatTheSecondCopyDoesNotHave(t *testing.T) {
	m, from := newMachine(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "copy.ndjson")
	follow(t, m, path)
	first := signAll(t, m, payment(from, 0, "p-0"))[0]
	mend := breakCopy(t, path)
	for _, i := range []signing.Intent{payment(from, 1, "p-1"), payment(from, 0, "p-0"), payment(from, 1, "p-1")} {
		if a, err := m.Sign(t.Context(), signing.BatchOf(i)); i.Payment == "p-1" && (fault.Code(err) != "copy_not_written" || a != nil) {
			t.Errorf("%v, %v", a, err)
		}
	}
	mend()
	if again := signAll(t, m, payment(from, 0, "p-0"), payment(from, 1, "p-1")); !bytes.Equal(again[0].Raw, first.Raw) || codeOf(again[1]) != "signed" {
		t.Errorf("%v", again)
	}
	if got := attemptsIn(t, path); got != 2 {
		t.Errorf("%d in the copy", got)
	}
}

func TestAMachineBehindItsSecondCopyFreezesAndTakesItOver(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	path := filepath.Join(t.TempDir(), "copy.ndjson")
	follow(t, m, path)
	signAll(t, m, payment(from, 0, "p-0"))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(home, journal.FileName))
	if err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	follow(t, m, path)
	lost := signAll(t, m, payment(from, 1, "p-1"))[0]
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, journal.FileName), old, 0o600); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	follow(t, m, path)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 2, "p-1"))); fault.Code(err) != "frozen" {
		t.Fatalf("it goes on behind its copy: %v", err)
	}
	if a, err := m.keeping().Load(t.Context(), wire.LoadRequest{Path: path}); err != nil || !a.Done || a.Load.Signed.New != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	unfreeze(t, m)
	if got := signAll(t, m, payment(from, 2, "p-1"), payment(from, 1, "p-1")); codeOf(got[0]) != "payment_bound" || !bytes.Equal(got[1].Raw, lost.Raw) {
		t.Errorf("%s, %s", codeOf(got[0]), codeOf(got[1]))
	}
	if got := attemptsIn(t, path); got != 3 {
		t.Errorf("%d in the copy", got)
	}
}

func TestASecondCopyThatWasChangedIsRefused(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	path := filepath.Join(t.TempDir(), "copy.ndjson")
	follow(t, m, path)
	signAll(t, m, payments(from, 3)...)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	other := start(t, newHome(t))
	defer other.Close()
	m = start(t, home)
	defer m.Close()
	for name, c := range map[string]struct {
		m    *Machine
		copy []byte
	}{
		"a value":           {m, bytes.Replace(whole, []byte(`"seq":2`), []byte(`"seq":9`), 1)},
		"a line taken":      {m, bytes.Join(append(lines[:3:3], lines[4:]...), nil)},
		"no header":         {m, bytes.Join(lines[1:], nil)},
		"another machine's": {other, whole},
		"another file":      {m, []byte("x\n")},
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, c.copy, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.m.Follow(t.Context(), bad, noon); fault.Code(err) != "copy_broken" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
