package keyfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
)

// The example of RFC 8410, 10.3 and 10.1: what other programs write.
const (
	rfcPrivate = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"
	rfcPublic  = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
)

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.pem")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAKeyOfAnotherProgramIsRead(t *testing.T) {
	key, err := keyfile.Read(write(t, rfcPrivate, 0o400))
	if err != nil {
		t.Fatal(err)
	}
	want := key.Public().(ed25519.PublicKey)
	for name, path := range map[string]string{"public": write(t, rfcPublic, 0o644), "private": write(t, rfcPrivate, 0o600)} {
		if got, err := keyfile.Public(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	if got := string(keyfile.EncodePublic(want)); got != rfcPublic {
		t.Error(got)
	}
}

func TestAKeyThatWasMadeIsRead(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := t.TempDir()
	path := filepath.Join(dir, "service.key")
	made, err := keyfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := keyfile.Read(path)
	if err != nil || !bytes.Equal(made, read) {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
	if _, err := keyfile.Create(path); !errors.Is(err, fault.Refused) || fault.Code(err) != "file_exists" {
		t.Error(err)
	}
	if again, err := keyfile.Read(path); err != nil || !bytes.Equal(made, again) {
		t.Error("the key was written over", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Error(left)
	}
}

func TestAFileThatIsOpenToOthersIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		path := write(t, rfcPrivate, mode)
		_, err := keyfile.Read(path)
		_, perr := keyfile.Public(path)
		for _, err := range []error{err, perr} {
			if !errors.Is(err, fault.NotAllowed) || fault.Code(err) != "open_file" || !strings.Contains(err.Error(), path) {
				t.Errorf("%v: %v", mode, err)
			}
		}
	}
}

func TestWhatIsNoKeyIsNamedWithoutItsContent(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(rfcPrivate, "\n")[1]
	for name, text := range map[string]string{
		"nothing": "", "text": secret, "cut off": strings.Replace(rfcPrivate, "HVhC", "", 1)[:70], "another block": strings.ReplaceAll(rfcPrivate, "PRIVATE", "EC PRIVATE"),
		"another curve": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"encrypted":     strings.ReplaceAll(rfcPrivate, "PRIVATE", "ENCRYPTED PRIVATE"), "a public key": rfcPublic,
		"too long": strings.Repeat(" ", 17<<10) + rfcPrivate, "bytes missing": strings.Replace(rfcPrivate, secret, base64.StdEncoding.EncodeToString([]byte("0.")), 1),
	} {
		path := write(t, text, 0o600)
		_, err := keyfile.Read(path)
		if !errors.Is(err, fault.Usage) || fault.Code(err) != "bad_key_file" || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := keyfile.Read(filepath.Join(dir, "none")); !errors.Is(err, fault.NotFound) || fault.Code(err) != "no_file" {
		t.Error(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe} {
		if _, err := keyfile.Read(path); fault.Code(err) != "bad_key_file" {
			t.Error(path, err)
		}
	}
}
