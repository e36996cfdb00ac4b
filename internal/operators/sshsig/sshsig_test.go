package sshsig_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/operators/sshsig"
)

const message = `{"v":1,"act":{"verb":"activate"}}`

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s ssh.Signer) []byte {
	t.Helper()
	armored, err := sshsig.Sign([]byte(message), s.PublicKey(), func(payload []byte) (*ssh.Signature, error) { return s.Sign(rand.Reader, payload) })
	if err != nil {
		t.Fatal(err)
	}
	return armored
}

func TestASignatureIsOverItsTextByItsKey(t *testing.T) {
	key, other := newKey(t), newKey(t)
	armored := sign(t, key)
	if err := sshsig.Verify([]byte(message), armored, key.PublicKey()); err != nil {
		t.Fatal(err)
	}
	if sshsig.Verify([]byte(message+" "), armored, key.PublicKey()) == nil {
		t.Error("it is good for another text")
	}
	if sshsig.Verify([]byte(message), armored, other.PublicKey()) == nil {
		t.Error("it is good for another key")
	}
	if sshsig.Verify([]byte(message), append(armored, armored...), key.PublicKey()) == nil {
		t.Error("what follows it is taken")
	}
	block, _ := pem.Decode(armored)
	for i := range block.Bytes {
		changed := bytes.Clone(block.Bytes)
		changed[i] ^= 1
		if sshsig.Verify([]byte(message), pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: changed}), key.PublicKey()) == nil {
			t.Fatalf("it is good with byte %d changed", i)
		}
	}
}

// keygen runs OpenSSH's own program in a folder.
func keygen(t *testing.T, dir, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestOpenSSHChecksOurs(t *testing.T) {
	dir := t.TempDir()
	key := newKey(t)
	write(t, filepath.Join(dir, "signers"), "alice namespaces=\"coffer\" "+string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	write(t, filepath.Join(dir, "sig"), string(sign(t, key)))
	if out, err := keygen(t, dir, message, "-Y", "verify", "-f", "signers", "-I", "alice", "-n", "coffer", "-s", "sig"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := keygen(t, dir, message+"\n", "-Y", "verify", "-f", "signers", "-I", "alice", "-n", "coffer", "-s", "sig"); err == nil {
		t.Errorf("good for another text: %s", out)
	}
}

func TestWeCheckOpenSSHs(t *testing.T) {
	dir := t.TempDir()
	if out, err := keygen(t, dir, "", "-q", "-t", "ed25519", "-N", "", "-f", "key"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pub, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	for namespace, good := range map[string]bool{"coffer": true, "git": false} {
		write(t, filepath.Join(dir, "message"), message)
		if out, err := keygen(t, dir, "", "-Y", "sign", "-q", "-f", "key", "-n", namespace, "message"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		armored, err := os.ReadFile(filepath.Join(dir, "message.sig"))
		if err != nil {
			t.Fatal(err)
		}
		if err := sshsig.Verify([]byte(message), armored, key); (err == nil) != good {
			t.Errorf("namespace %s: %v", namespace, err)
		}
		if err := os.Remove(filepath.Join(dir, "message.sig")); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The signature of a security key: PROTOCOL.u2f. It counts only if somebody touched the key.
func TestASecurityKeyMustBeTouched(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, public, "ssh:"}))
	if err != nil {
		t.Fatal(err)
	}
	for flags, good := range map[byte]bool{1: true, 0: false} {
		armored, err := sshsig.Sign([]byte(message), key, func(payload []byte) (*ssh.Signature, error) { return touch(private, flags, payload), nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := sshsig.Verify([]byte(message), armored, key); (err == nil) != good {
			t.Errorf("flags %d: %v", flags, err)
		}
	}
}

// touch signs as a security key does, with its flags and counter.
func touch(key ed25519.PrivateKey, flags byte, payload []byte) *ssh.Signature {
	application, data := sha256.Sum256([]byte("ssh:")), sha256.Sum256(payload)
	rest := []byte{flags, 0, 0, 0, 7}
	signed := ed25519.Sign(key, slices.Concat(application[:], rest, data[:]))
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: signed, Rest: rest}
}
