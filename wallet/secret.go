package wallet

import (
	"strings"

	"github.com/btcsuite/btcd/btcutil/base58"

	"coffer.internal/internal/fault"
)

// looksSecret says whether s may be a key that somebody pasted where an address belongs. It would stand in a terminal, a log
// and an audit row for ever, so such a value is refused without being shown. It errs towards secret: a transaction hash looks
// like an EVM private key.
func looksSecret(s string) bool {
	s = strings.TrimSpace(s)
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	if len(digits) == 64 && firstNonHex(digits) < 0 {
		return true // 32 bytes: a secp256k1 or ed25519 key
	}
	if len(strings.Fields(s)) >= 12 {
		return true // BIP-39 words
	}
	if len(s) > 4 && (s[1:4] == "prv" || s[1:4] == "PRV") {
		return true // BIP-32 extended key: xprv, tprv, yprv, zprv
	}
	if len(s) > longestBase58 || firstNonBase58(s) >= 0 {
		return false
	}
	if n := len(base58.Decode(s)); n == 64 {
		return true // Solana keypair
	}
	_, version, err := base58.CheckDecode(s)
	return err == nil && (version == 0x80 || version == 0xef) // Bitcoin wallet import format
}

func checkSecret(s string) error {
	if !looksSecret(s) {
		return nil
	}
	return fault.New(fault.Usage, "looks_like_a_key",
		"give the address; if that was a key, it now stands in the history of your shell: treat it as known to others",
		"this is not an address: it looks like a private key or a hash, and is not shown here")
}
