package main

import (
	"fmt"
	"math/big"
	"strings"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// sentence says what an intent does: what, how much of it, from where, to whom, at which nonce, for how much at most.
func sentence(i signing.Intent) string {
	to, asset, amount := i.Pays()
	coin := coins[i.ChainType]
	what := coin.text(amount)
	if asset != "" {
		what = amount + " base units of token " + asset
	}
	on := fmt.Sprintf("on %s %d at nonce %d, for at most %s in fees", i.ChainType, i.ChainID, i.Nonce, coin.text(i.MostFee().String()))
	switch i.Purpose {
	case signing.PurposeCancel:
		return fmt.Sprintf("Cancel payment %q of %s, %s.", i.Payment, i.From, on)
	case signing.PurposeGapFill:
		return fmt.Sprintf("Spend a nonce of %s for nothing, %s.", i.From, on)
	case signing.PurposeSweep:
		return fmt.Sprintf("Sweep %s from %s to %s (%q), %s.", what, i.From, to, i.Payment, on)
	default:
		return fmt.Sprintf("Pay %s from %s to %s (%s %q), %s.", what, i.From, to, i.Purpose, i.Payment, on)
	}
}

// coin is a chain's own coin, as people count it.
type coin struct {
	unit     string
	decimals int
}

var coins = map[string]coin{derive.EVM: {"wei", 18}, derive.BTC: {"sat", 8}, derive.Solana: {"lamports", 9}}

// text is an amount in base units and in whole coins.
func (c coin) text(base string) string {
	n, ok := new(big.Int).SetString(base, 10)
	if !ok || n.Sign() < 0 {
		return fmt.Sprintf("%q %s", base, c.unit)
	}
	digits := n.String()
	if pad := c.decimals + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	at := len(digits) - c.decimals
	whole, part := digits[:at], strings.TrimRight(digits[at:], "0")
	if part != "" {
		whole += "." + part
	}
	return fmt.Sprintf("%s coin (%s %s)", whole, base, c.unit)
}
