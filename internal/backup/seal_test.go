package backup_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/backup"
	"coffer.internal/internal/fault"
)

// opens says whether what is sealed for a recipient opens with the key in a file.
func opens(t *testing.T, recipient, file string) error {
	t.Helper()
	to, err := backup.ParseRecipients([]string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	with, err := backup.ReadIdentities(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s, err := age.Encrypt(&b, to...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(&b, with...)
	if err == nil {
		_, err = io.ReadAll(r)
	}
	return err
}

func TestAKeyThatWasMadeOpensWhatIsSealedForIt(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "a.key"), filepath.Join(dir, "b.key")
	public, err := backup.CreateIdentity(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.CreateIdentity(other); err != nil {
		t.Fatal(err)
	}
	if err := opens(t, public, file); err != nil {
		t.Error(err)
	}
	if err := opens(t, public, other); err == nil {
		t.Error("another key opens it")
	}
	if _, err := backup.CreateIdentity(file); fault.Code(err) != "file_exists" {
		t.Errorf("made over another: %v", err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

func TestAnSSHKeyOpensWhatIsSealedForIt(t *testing.T) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))
	block, err := ssh.MarshalPrivateKey(private, "ann@host")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(t, string(ssh.MarshalAuthorizedKey(public)), file); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoKeyIsRefusedWithoutSayingWhatItIs(t *testing.T) {
	dir := t.TempDir()
	const secret = "AGE-SECRET-KEY-1SECRET"
	for _, text := range []string{"bob", "", "age1", "ssh-rsa AAAA", "ssh-ed25519 AAAA"} {
		if _, err := backup.ParseRecipients([]string{text}); fault.Code(err) != "bad_recipient" || !errors.Is(err, fault.Usage) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := backup.ParseRecipients([]string{secret}); fault.Code(err) != "bad_recipient" || strings.Contains(err.Error(), secret) {
		t.Errorf("a secret key: %v", err)
	}
	for name, text := range map[string]string{"none": secret + "\n", "ssh": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + secret + "\n-----END OPENSSH PRIVATE KEY-----\n", "empty": ""} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := backup.ReadIdentities(file)
		if fault.Code(err) != "bad_identity" || strings.Contains(err.Error()+fault.Hint(err), secret) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.ReadIdentities(file); !errors.Is(err, fault.NotAllowed) {
			t.Errorf("%s, open to others: %v", name, err)
		}
	}
	if _, err := backup.ReadIdentities(filepath.Join(dir, "nothing")); !errors.Is(err, fault.NotFound) {
		t.Errorf("no file: %v", err)
	}
}
