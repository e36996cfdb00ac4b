// Package frame checks what intents of every chain have in common, before the chain's own rules look at the rest.
package frame

import (
	"fmt"
	"strconv"

	"coffer.internal/signing"
)

// Check says why the frame of an intent cannot be right for a chain type, or "". It wants that chain's part and no other.
func Check(i signing.Intent, chainType string) string {
	set, own := parts(i, chainType)
	switch {
	case i.Version != signing.Version:
		return fmt.Sprintf("version %d; this machine signs version %d", i.Version, signing.Version)
	case i.ChainType != chainType:
		return fmt.Sprintf("chain type %q is not %s", i.ChainType, chainType)
	case set != 1 || !own:
		return fmt.Sprintf("an intent of chain type %s has the part %q, and no other", chainType, chainType)
	case i.Ledger == "":
		return "no ledger id"
	case i.Nonce > signing.MaxNonce:
		return fmt.Sprintf("nonce %d is above 2^53", i.Nonce)
	}
	return ""
}

// parts counts the parts that an intent has, and says whether it has that of a chain type.
func parts(i signing.Intent, chainType string) (set int, own bool) {
	for _, part := range [...]struct {
		chainType string
		there     bool
	}{{"evm", i.EVM != nil}, {"btc", i.BTC != nil}, {"solana", i.Solana != nil}} {
		if part.there {
			set, own = set+1, own || part.chainType == chainType
		}
	}
	return set, own
}

// Payment says why an intent cannot be a payment or sweep of amount to an address, or "". It is the whole rule of purposes for the chains
// that have neither gap fills nor cancellations.
func Payment(i signing.Intent, to, amount string) string {
	switch {
	case i.Purpose == signing.PurposeGapFill:
		return fmt.Sprintf("%s has no account nonces, so there is no gap to fill", i.ChainType)
	case i.Purpose == signing.PurposeCancel:
		return fmt.Sprintf("a payment is cancelled on EVM only, not on %s", i.ChainType)
	case i.Purpose != signing.PurposePayment && i.Purpose != signing.PurposeSweep:
		return fmt.Sprintf("purpose %q is not known", i.Purpose)
	case i.Payment == "":
		return "a payment without a payment id"
	case amount == "0":
		return "a payment of nothing"
	case to == i.From:
		return "a payment to its own wallet"
	}
	return ""
}

// Number reads a whole number up to most in its shortest decimal form: no two spellings are one amount.
func Number(name, s string, most uint64) (n uint64, why string) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Sprintf("%s %q is not a whole number up to %d", name, s, most)
	}
	return n, ""
}

// Malformed is the refusal of an intent that can never be signed.
func Malformed(why string) *signing.Refusal {
	return &signing.Refusal{Kind: signing.RefusedForGood, Code: "malformed", Reason: why}
}
