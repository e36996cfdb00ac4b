// Package sshsig makes and checks the signatures of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig), so that whoever has OpenSSH
// checks one without coffer:
//
//	ssh-keygen -Y verify -f allowed_signers -I alice -n coffer -s statement.sig < statement
//
// Keys are Ed25519 ones, and those of security keys (sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com), whose signatures count
// only if somebody touched the key.
package sshsig

import (
	"bytes"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Namespace keeps our signatures apart from those that the same key makes for anything else.
const Namespace = "coffer"

const (
	magic     = "SSHSIG"
	version   = 1
	hashName  = "sha512"
	blockType = "SSH SIGNATURE"
)

// envelope is the signature's outer form, after the magic.
type envelope struct {
	Version       uint32
	PublicKey     string
	Namespace     string
	Reserved      string
	HashAlgorithm string
	Signature     string
}

// signed is what the key signs, after the magic.
type signed struct {
	Namespace     string
	Reserved      string
	HashAlgorithm string
	Hash          string
}

func payload(message []byte) []byte {
	sum := sha512.Sum512(message)
	return append([]byte(magic), ssh.Marshal(signed{Namespace: Namespace, HashAlgorithm: hashName, Hash: string(sum[:])})...)
}

// Sign signs a message; sign is what the key does, by an agent as a rule.
func Sign(message []byte, key ssh.PublicKey, sign func(payload []byte) (*ssh.Signature, error)) (armored []byte, err error) {
	s, err := sign(payload(message))
	if err != nil {
		return nil, err
	}
	blob := append([]byte(magic), ssh.Marshal(envelope{
		Version: version, PublicKey: string(key.Marshal()), Namespace: Namespace, HashAlgorithm: hashName, Signature: string(ssh.Marshal(s)),
	})...)
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: blob}), nil
}

// Verify checks that the signature is key's over exactly this message, for this program.
func Verify(message, armored []byte, key ssh.PublicKey) error {
	block, rest := pem.Decode(armored)
	if block == nil || block.Type != blockType || len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return errors.New("it is no armored SSH signature")
	}
	blob, ok := bytes.CutPrefix(block.Bytes, []byte(magic))
	if !ok {
		return errors.New("it is no SSH signature")
	}
	var e envelope
	if err := ssh.Unmarshal(blob, &e); err != nil {
		return fmt.Errorf("it is no SSH signature: %w", err)
	}
	switch {
	case e.Version != version:
		return fmt.Errorf("it is an SSH signature of version %d, not %d", e.Version, version)
	case e.Namespace != Namespace:
		return fmt.Errorf("it was made for namespace %q, not %q", e.Namespace, Namespace)
	case e.HashAlgorithm != hashName:
		return fmt.Errorf("it is over a %q hash, not %s", e.HashAlgorithm, hashName)
	case e.PublicKey != string(key.Marshal()):
		return errors.New("another key made it")
	}
	var s ssh.Signature
	if err := ssh.Unmarshal([]byte(e.Signature), &s); err != nil {
		return fmt.Errorf("it is no SSH signature: %w", err)
	}
	if err := key.Verify(payload(message), &s); err != nil {
		return fmt.Errorf("it does not verify: %w", err)
	}
	return nil
}
