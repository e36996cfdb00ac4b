package sshkeys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
)

// File is a private key in a file, as ssh-keygen writes it without a passphrase. It is read when it is needed. It must be the user's own and
// closed to everybody else.
type File struct{ Path string }

// List lists the one key.
func (f File) List(context.Context) ([]ssh.PublicKey, error) {
	s, err := f.signer()
	if err != nil {
		return nil, err
	}
	return []ssh.PublicKey{s.PublicKey()}, nil
}

// Sign signs with it.
func (f File) Sign(_ context.Context, _ ssh.PublicKey, payload []byte) (*ssh.Signature, error) {
	s, err := f.signer()
	if err != nil {
		return nil, err
	}
	return s.Sign(rand.Reader, payload)
}

func (f File) signer() (ssh.Signer, error) {
	b, err := keyfile.Secret(f.Path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	s, err := ssh.ParsePrivateKey(b)
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); encrypted {
		return nil, fault.New(fault.NotAllowed, "encrypted_key", fmt.Sprintf("ssh-add %s, and leave --operator-key out", f.Path), "%s is encrypted: only an ssh-agent signs with it", f.Path)
	}
	if err != nil { // the parser's error may quote what it read
		return nil, fault.New(fault.Usage, "bad_key_file", "ssh-keygen -t ed25519 -N '' -f FILE makes one; a security key's needs an ssh-agent", "%s is no private key of SSH", f.Path)
	}
	return s, nil
}
