package evm

import (
	"math/big"
	"strings"
)

// inGwei and inEther are amounts as people read them, exact.
func inGwei(wei *big.Int) string  { return scaled(wei, 9) + " gwei" }
func inEther(wei *big.Int) string { return scaled(wei, 18) + " ether" }

func scaled(n *big.Int, decimals int) string {
	digits := n.String()
	if len(digits) <= decimals {
		digits = strings.Repeat("0", decimals+1-len(digits)) + digits
	}
	whole, part := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}
