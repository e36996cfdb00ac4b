// Package operatortest has people with SSH keys in memory, for tests.
package operatortest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/operators"
)

// Person has a name and a key. He is operators.Keys with one key.
type Person struct {
	Name   string
	signer ssh.Signer
}

var _ operators.Keys = Person{}

// New makes somebody with a new key.
func New(t *testing.T, name string) Person {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Person{name, s}
}

// List lists his key.
func (p Person) List(context.Context) ([]ssh.PublicKey, error) {
	return []ssh.PublicKey{p.signer.PublicKey()}, nil
}

// Sign signs with it.
func (p Person) Sign(_ context.Context, _ ssh.PublicKey, payload []byte) (*ssh.Signature, error) {
	return p.signer.Sign(rand.Reader, payload)
}

// Public is his key as it stands in authorized_keys.
func (p Person) Public() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p.signer.PublicKey())))
}

// Fingerprint is that of his key.
func (p Person) Fingerprint() string { return ssh.FingerprintSHA256(p.signer.PublicKey()) }

// Keyring has the keys of several.
type Keyring []Person

// List lists them.
func (r Keyring) List(context.Context) (keys []ssh.PublicKey, err error) {
	for _, p := range r {
		keys = append(keys, p.signer.PublicKey())
	}
	return keys, nil
}

// Sign signs with one of them.
func (r Keyring) Sign(ctx context.Context, key ssh.PublicKey, payload []byte) (*ssh.Signature, error) {
	for _, p := range r {
		if p.Fingerprint() == ssh.FingerprintSHA256(key) {
			return p.Sign(ctx, key, payload)
		}
	}
	return nil, errors.New("no such key")
}
