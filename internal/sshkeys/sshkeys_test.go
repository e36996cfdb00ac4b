package sshkeys_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/sshkeys"
)

var _, _ operators.Keys = sshkeys.Agent{}, sshkeys.File{}

// silent is an agent that takes every request and answers none, as one does that waits for a touch.
func silent(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sshkeys-") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return socket
}

func TestTheEndOfTheContextBreaksOffWaitingForAnAgent(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	socket := silent(t)
	go func() {
		_, err := sshkeys.Agent{Socket: socket}.List(ctx)
		done <- err
	}()
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAnAgentThatIsNotThereIsSaidSo(t *testing.T) {
	for socket, says := range map[string]string{"": "SSH_AUTH_SOCK is empty", "/nowhere/s": "reach the ssh-agent"} {
		if _, err := (sshkeys.Agent{Socket: socket}).List(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", socket, err)
		}
	}
}

func TestAKeyringSignsByItsKeys(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "sshkeys-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ring := agent.NewKeyring()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c); _ = c.Close() }()
		}
	}()
	private, err := ssh.ParseRawPrivateKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	signs(t, sshkeys.Agent{Socket: filepath.Join(dir, "s")})
}

func TestAFileSignsIfItIsItsOwnersAloneAndNotEncrypted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, newKey(t), 0o600); err != nil {
		t.Fatal(err)
	}
	signs(t, sshkeys.File{Path: path})
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := (sshkeys.File{Path: path}).List(t.Context()); !errors.Is(err, fault.NotAllowed) {
		t.Errorf("open to others: %v", err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (sshkeys.File{Path: path}).List(t.Context()); fault.Code(err) != "bad_key_file" {
		t.Errorf("no key: %v", err)
	}
}

func signs(t *testing.T, k operators.Keys) {
	t.Helper()
	all, err := k.List(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	s, err := k.Sign(t.Context(), all[0], []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if err := all[0].Verify([]byte("text"), s); err != nil {
		t.Error(err)
	}
}

// newKey is a private key as ssh-keygen writes it.
func newKey(t *testing.T) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "me@laptop")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}
