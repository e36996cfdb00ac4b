// Package soltx builds and signs Solana transfers from intents: SOL, and SPL tokens. The message is made of the intent's own
// words by a codec of this package; there is no way to hand in one that somebody else made.
//
// An intent names wallets. The token accounts between which a token moves are derived here: each wallet has one for a token,
// its associated token account. A recipient that lies off the curve is refused. No key can belong to such an address; the ones
// that people copy by mistake, associated token accounts, are of this kind. (So are the vaults of multisig programs: whoever has
// one must give a wallet.)
//
// Only the Token program is signed for. Tokens of Token-2022 may keep a part of what is transferred, or run code of their own,
// so that the recipient would not surely get the amount of the intent.
package soltx

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/mr-tron/base58"

	"coffer.internal/signing"
)

// Sign builds the transaction that a checked intent describes and signs it. Ed25519 is deterministic: the same intent and key
// give the same bytes. raw is what sendTransaction takes, hash the signature in base58, which names a transaction on Solana.
func Sign(intent signing.Intent, key ed25519.PrivateKey) (raw []byte, hash string, err error) {
	if r := Check(intent); r != nil {
		return nil, "", fmt.Errorf("sign: %s", r.Reason)
	}
	t, _ := read(intent)
	if public, ok := key.Public().(ed25519.PublicKey); !ok || !bytes.Equal(public, t.from[:]) {
		return nil, "", fmt.Errorf("sign: the key is not that of %s", intent.From)
	}
	message, err := t.message()
	if err != nil {
		return nil, "", fmt.Errorf("sign: %w", err)
	}
	signature := ed25519.Sign(key, message)
	raw = append(compact(nil, 1), signature...)
	return append(raw, message...), base58.Encode(signature), nil
}

// Inputs are what an intent's transaction can use up only once: its message, by its SHA-256 in hex. A signature covers the message
// and nothing else, and the chain takes each signature once: two payments with one message would be one transaction, and one of
// them would never be made. Of an intent that Check refuses it says nothing.
func Inputs(intent signing.Intent) []string {
	t, why := read(intent)
	if why != "" {
		return nil
	}
	message, err := t.message()
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(message)
	return []string{hex.EncodeToString(sum[:])}
}
