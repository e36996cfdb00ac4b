package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"coffer.internal/internal/fault"
)

// fast makes scrypt cheap: these tests are not about its cost.
var fast = Options{WorkFactor: 2}

func TestAVaultOpensWithItsPassphraseAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer")
	words, err := Create(dir, nil, []byte("right"), fast)
	if err != nil || len(words) != 24 {
		t.Fatalf("%d words, %v", len(words), err)
	}
	v, err := Open(dir, []byte("right"), fast)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(v.Device(), "SHA256:") || len(v.Seed()) != 64 {
		t.Errorf("device %s, seed of %d bytes", v.Device(), len(v.Seed()))
	}
	if _, err := Open(dir, []byte("wrong"), fast); !errors.Is(err, fault.NotAllowed) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	v.Close()
	if slices.ContainsFunc(v.Seed(), func(b byte) bool { return b != 0 }) {
		t.Error("the seed is still in memory after Close")
	}
}

func TestTheSameWordsGiveTheSameKeysOnAnotherMachine(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	words, err := Create(a, nil, []byte("x"), fast)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(b, words, []byte("y"), fast); err != nil {
		t.Fatal(err)
	}
	va, errA := Open(a, []byte("x"), fast)
	vb, errB := Open(b, []byte("y"), fast)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(va.Seed(), vb.Seed()) || va.Device() == vb.Device() {
		t.Errorf("same seed: %v; devices %s and %s", slices.Equal(va.Seed(), vb.Seed()), va.Device(), vb.Device())
	}
}

func TestAnExistingVaultIsNeverReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer")
	if _, err := Create(dir, nil, []byte("x"), fast); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, nil, []byte("x"), fast); !errors.Is(err, fault.Refused) {
		t.Errorf("second Create: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || !slices.Equal(before, after) {
		t.Errorf("the vault changed, %v", err)
	}
}

func TestOfTwoWhoMakeAVaultAtOnceTheFirstOneStands(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	if err := writeOnce(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := writeOnce(path, []byte("second")); !errors.Is(err, os.ErrExist) {
		t.Errorf("the second: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first" {
		t.Errorf("it holds %q, %v", b, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%v lies there, %v", left, err)
	}
}

func TestFilesOpenToOthersAreRefusedWithTheChmod(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "signer")
	if _, err := Create(dir, nil, []byte("x"), fast); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, FileName)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("the vault was made with mode %v, %v", st.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, []byte("x"), fast)
	if !errors.Is(err, fault.NotAllowed) || fault.Hint(err) != "chmod 0600 "+path {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPassphrase(pass); !errors.Is(err, fault.NotAllowed) {
		t.Errorf("an open passphrase file: %v", err)
	}
	if err := os.Chmod(pass, 0o400); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPassphrase(pass); err != nil || string(p) != "x" {
		t.Errorf("passphrase %q, %v", p, err)
	}
}

func TestAnEmptyPassphraseIsRefused(t *testing.T) {
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPassphrase(pass); !errors.Is(err, fault.Usage) {
		t.Errorf("%v", err)
	}
}

func TestAVaultIsNeverPrinted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer")
	if _, err := Create(dir, nil, []byte("x"), fast); err != nil {
		t.Fatal(err)
	}
	v, err := Open(dir, []byte("x"), fast)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v), v.LogValue().String()} {
		if strings.Trim(strings.ReplaceAll(s, hidden, ""), " ") != "" {
			t.Errorf("printed as %q", s)
		}
	}
}
