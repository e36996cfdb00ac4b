package auditlog

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/fault"
)

// Origin names a ledger's log in its checkpoints, and its keys.
func Origin(ledger string) string { return "coffer.internal/" + ledger }

// VerifierKey is a public key as sumdb/note writes them: NAME+HASH+BASE64. It is what an auditor is given.
func VerifierKey(ledger string, public ed25519.PublicKey) (string, error) {
	return note.NewEd25519VerifierKey(Origin(ledger), public)
}

// NewSigner is a note.Signer with a key of a ledger's log.
func NewSigner(ledger string, private ed25519.PrivateKey) (note.Signer, error) {
	public, err := VerifierKey(ledger, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(public, "+", 3) // name, hash, algorithm and key
	const ed25519Algorithm = 1
	secret := append([]byte{ed25519Algorithm}, private.Seed()...)
	defer clear(secret)
	return note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", parts[0], parts[1], base64.StdEncoding.EncodeToString(secret)))
}

// ParseVerifier reads a public key that VerifierKey wrote.
func ParseVerifier(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return nil, fault.New(fault.Usage, "bad_audit_key", "`coffer audit key` prints it, where the ledger is", "%q is no public key of an audit log", key)
	}
	return v, nil
}
