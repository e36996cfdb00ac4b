package withdrawal

import (
	"math/big"
	"strings"

	"coffer.internal/internal/fault"
)

// maxBits is the most that an amount may have: an EVM's word.
const maxBits = 256

// parseAmount reads an amount of an asset into base units: digits with at most one decimal point, or digits alone when they
// are base units. Nothing is rounded, and nothing that could be read in two ways (a comma, an exponent) is read at all.
func parseAmount(text string, a Asset, baseUnits bool) (*big.Int, error) {
	whole, fraction, point := strings.Cut(text, ".")
	switch {
	case !digits(whole) || point && !digits(fraction):
		return nil, badAmount("write digits and at most one decimal point, as in 1.25; no sign, separators or exponent",
			"amount %q is not a decimal number", clip(text))
	case baseUnits && point:
		return nil, badAmount("with --base-units an amount is whole", "amount %q has a decimal point", clip(text))
	}
	decimals := a.Decimals
	if baseUnits {
		decimals = 0
	}
	if len(fraction) > decimals {
		return nil, badAmount("round it yourself: coffer never does",
			"amount %q has %d decimals, and %s has %d", clip(text), len(fraction), a.Symbol, decimals)
	}
	units, _ := new(big.Int).SetString(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10)
	switch {
	case units.Sign() == 0:
		return nil, badAmount("pay more than nothing", "amount %q is zero", clip(text))
	case units.BitLen() > maxBits:
		return nil, badAmount("check the amount", "amount %q is above 2^256-1 base units", clip(text))
	}
	return units, nil
}

// FormatAmount writes base units as a decimal number of whole coins, without zeros at the end.
func FormatAmount(units string, decimals int) string {
	if len(units) <= decimals {
		units = strings.Repeat("0", decimals-len(units)+1) + units
	}
	whole, fraction := units[:len(units)-decimals], strings.TrimRight(units[len(units)-decimals:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// maxDigits keeps a number that no chain knows from being computed.
const maxDigits = 100

func digits(s string) bool {
	return s != "" && len(s) <= maxDigits && strings.Trim(s, "0123456789") == ""
}

// clip shortens what a caller wrote, for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func badAmount(hint, format string, args ...any) error {
	return fault.New(fault.Usage, "bad_amount", hint, format, args...)
}
