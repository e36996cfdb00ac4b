package nonce

import (
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/wallet"
)

const (
	hexDigits    = "0123456789abcdef"
	base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// canonicalHash checks the form of a transaction's hash: 0x and 64 hex digits on EVM chains, 64 hex digits on Bitcoin (both
// made lower case), and on Solana the first signature, 64 bytes in base58.
func canonicalHash(chainType, s string) (string, error) {
	switch wallet.ChainType(chainType) {
	case wallet.EVM:
		if h := strings.ToLower(s); len(h) == 66 && h[:2] == "0x" && only(h[2:], hexDigits) {
			return h, nil
		}
		return "", badHash(s, "0x and 64 hex digits")
	case wallet.BTC:
		if h := strings.ToLower(s); len(h) == 64 && only(h, hexDigits) {
			return h, nil
		}
		return "", badHash(s, "64 hex digits")
	default:
		if len(s) >= 64 && len(s) <= 88 && only(s, base58Digits) {
			return s, nil
		}
		return "", badHash(s, "a signature in base58")
	}
}

func only(s, digits string) bool {
	return strings.Trim(s, digits) == ""
}

func badHash(s, want string) error {
	return fault.New(fault.Usage, "bad_hash", "give the hash that the chain's explorer shows", "%q is not a transaction hash: %s", s, want)
}
