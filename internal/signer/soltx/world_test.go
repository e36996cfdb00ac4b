package soltx

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/mr-tron/base58"

	"coffer.internal/signing"
)

const usdc = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"

func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func addressOf(key ed25519.PrivateKey) string {
	return base58.Encode(key.Public().(ed25519.PublicKey))
}

// payment is an intent of testKey(1) that is in order; a test changes one thing.
func payment(change func(*signing.Intent)) signing.Intent {
	i := signing.Intent{
		Version: signing.Version, Ledger: "l", Payment: "p", Purpose: signing.PurposePayment, ChainType: "solana", ChainID: 101,
		From: addressOf(testKey(1)), Nonce: 7,
		Solana: &signing.SolanaTransfer{
			To: addressOf(testKey(2)), Amount: "1000000", RecentBlockhash: base58.Encode(bytes.Repeat([]byte{9}, 32)), LastValidBlockHeight: 300, Attempt: 1,
		},
	}
	if change != nil {
		change(&i)
	}
	return i
}

func asToken(i *signing.Intent) {
	i.Solana.Mint, i.Solana.Decimals, i.Solana.TokenProgram = usdc, 6, tokenProgram.String()
}

func budget(i *signing.Intent) {
	i.Solana.ComputeUnitLimit, i.Solana.ComputeUnitPrice = 60_000, "25000"
}

func sign(t *testing.T, i signing.Intent, key ed25519.PrivateKey) (raw []byte, hash string) {
	t.Helper()
	raw, hash, err := Sign(i, key)
	if err != nil {
		t.Fatal(err)
	}
	return raw, hash
}
