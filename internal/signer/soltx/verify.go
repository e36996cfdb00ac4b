package soltx

import (
	"bytes"
	"crypto/ed25519"
	"errors"

	"github.com/mr-tron/base58"

	"coffer.internal/signing"
)

// Verify says whether raw is exactly the transaction of an intent, signed by its From, and what its signature is in base58. It is
// for the side that asked.
func Verify(intent signing.Intent, raw []byte) (hash string, err error) {
	if r := Check(intent); r != nil {
		return "", errors.New(r.Reason)
	}
	t, _ := read(intent)
	want, err := t.message()
	if err != nil {
		return "", err
	}
	rest, ok := bytes.CutPrefix(raw, compact(nil, 1))
	if !ok || len(rest) < ed25519.SignatureSize {
		return "", errors.New("the bytes are no transaction with one signature")
	}
	signature, message := rest[:ed25519.SignatureSize], rest[ed25519.SignatureSize:]
	if !bytes.Equal(message, want) {
		return "", errors.New("its message is not the one that was asked for")
	}
	if !ed25519.Verify(t.from[:], message, signature) {
		return "", errors.New("its signature is not valid")
	}
	return base58.Encode(signature), nil
}
