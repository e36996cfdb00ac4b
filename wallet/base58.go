package wallet

import (
	"strings"

	"github.com/btcsuite/btcd/btcutil/base58"

	"coffer.internal/internal/fault"
)

const (
	// longestBase58 bounds what is decoded, because decoding base58 takes quadratic time: a Solana keypair has 88 characters.
	longestBase58 = 90
	// solanaKey is how long an ed25519 public key is, which is a Solana address.
	solanaKey = 32
)

// parseSolana reads 32 bytes in base58. There is no checksum in it: no program can find a wrong character.
func parseSolana(s string) (string, error) {
	if at := firstNonBase58(s); at >= 0 {
		return "", fault.New(fault.Usage, "bad_address", "compare it with its source; base58 has no 0, O, I and l", "%s is not a solana address: character %d, %q, does not occur in base58", s, at+1, s[at])
	}
	if n := base58Bytes(s); n != solanaKey {
		return "", fault.New(fault.Usage, "bad_address", "compare it with its source; `coffer list` shows the addresses of your wallets", "%s is not a solana address: it has %d bytes in base58, not %d", s, n, solanaKey)
	}
	return s, nil
}

// base58Bytes is how many bytes s has in base58, 0 if it is not base58.
func base58Bytes(s string) int {
	if len(s) > longestBase58 || firstNonBase58(s) >= 0 {
		return 0
	}
	return len(base58.Decode(s))
}

// firstNonBase58 is the index of the first byte that does not occur in base58, or -1.
func firstNonBase58(s string) int {
	return strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", r)
	})
}
