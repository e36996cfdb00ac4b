package soltx

import (
	"bytes"
	"testing"

	"coffer.internal/signing"
)

func TestWhatWasAskedForIsTakenAndNothingElse(t *testing.T) {
	i := payment(asToken)
	raw, hash := sign(t, i, testKey(1))
	if got, err := Verify(i, raw); err != nil || got != hash {
		t.Errorf("%s, %v, want %s", got, err, hash)
	}
	of := func(change func(*signing.Intent)) []byte {
		raw, _ := sign(t, payment(func(i *signing.Intent) { asToken(i); change(i) }), testKey(1))
		return raw
	}
	flipped := func(at int) []byte {
		b := bytes.Clone(raw)
		b[at] ^= 1
		return b
	}
	for name, bad := range map[string][]byte{
		"nothing":             nil,
		"half of it":          raw[:len(raw)/2],
		"more than it":        append(bytes.Clone(raw), 0),
		"two signatures":      flipped(0),
		"another signature":   flipped(1),
		"another recipient":   of(func(i *signing.Intent) { i.Solana.To = addressOf(testKey(3)) }),
		"another amount":      of(func(i *signing.Intent) { i.Solana.Amount = "1000001" }),
		"a new account":       of(func(i *signing.Intent) { i.Solana.CreateRecipientAccount = true }),
		"another blockhash":   of(func(i *signing.Intent) { i.Solana.RecentBlockhash = usdc }),
		"another fee":         of(budget),
		"a change at its end": flipped(len(raw) - 1),
	} {
		if got, err := Verify(i, bad); err == nil {
			t.Errorf("%s: taken as %s", name, got)
		}
	}
}
