package evmtx

import (
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/signer/frame"
	"coffer.internal/signing"
)

// maxGas is the highest gas limit of a transaction (EIP-7825).
const maxGas = params.MaxTxGas

// Check says why an intent can never be signed, or nil. It looks at the intent alone.
func Check(intent signing.Intent) *signing.Refusal {
	for _, check := range []func(signing.Intent) string{account, purpose, transfer, fees} {
		if why := check(intent); why != "" {
			return frame.Malformed(why)
		}
	}
	return nil
}

// account is whose transaction it is, and on which chain.
func account(i signing.Intent) string {
	if why := frame.Check(i, "evm"); why != "" {
		return why
	}
	if i.ChainID < 1 {
		return fmt.Sprintf("chain id %d is below 1", i.ChainID)
	}
	return canonical("from", i.From)
}

// purpose holds payments, sweeps, gap fills and cancellations to what they are for.
func purpose(i signing.Intent) string {
	e := i.EVM
	switch i.Purpose {
	case signing.PurposePayment, signing.PurposeSweep:
		switch {
		case i.Payment == "":
			return "a payment without a payment id"
		case e.Amount == "0":
			return "a payment of nothing"
		case e.To == i.From:
			return "a payment to its own wallet"
		}
	case signing.PurposeGapFill:
		if i.Payment != "" || e.To != i.From || e.Amount != "0" || e.Contract != "" {
			return "a gap fill is a transfer of nothing from a wallet to itself, without a payment id"
		}
	case signing.PurposeCancel:
		if i.Payment == "" || e.To != i.From || e.Amount != "0" || e.Contract != "" {
			return "a cancellation is a transfer of nothing from a wallet to itself, with the id of the payment"
		}
	default:
		return fmt.Sprintf("purpose %q is not known", i.Purpose)
	}
	return ""
}

// transfer checks recipient, amount and contract.
func transfer(i signing.Intent) string {
	e := i.EVM
	if why := canonical("to", e.To); why != "" {
		return why
	}
	if common.HexToAddress(e.To) == (common.Address{}) {
		return "the recipient is the zero address"
	}
	if why := number("amount", e.Amount); why != "" {
		return why
	}
	if e.Contract == "" {
		return ""
	}
	if e.To == e.Contract {
		return "the recipient is the token's own contract"
	}
	return canonical("contract", e.Contract)
}

// fees wants exactly one kind of fee, within what a block can hold.
func fees(i signing.Intent) string {
	e := i.EVM
	if e.GasLimit < params.TxGas || e.GasLimit > maxGas {
		return fmt.Sprintf("gas limit %d is not from %d to %d", e.GasLimit, params.TxGas, uint64(maxGas))
	}
	switch {
	case e.GasPrice != "" && (e.MaxFeePerGas != "" || e.MaxPriorityFeePerGas != ""):
		return "it has both a gas price and a fee cap"
	case e.GasPrice != "":
		return number("gas_price", e.GasPrice)
	}
	if why := number("max_fee_per_gas", e.MaxFeePerGas); why != "" {
		return why
	}
	if why := number("max_priority_fee_per_gas", e.MaxPriorityFeePerGas); why != "" {
		return why
	}
	if above(e.MaxPriorityFeePerGas, e.MaxFeePerGas) {
		return fmt.Sprintf("priority fee %s is above the fee cap %s", e.MaxPriorityFeePerGas, e.MaxFeePerGas)
	}
	return ""
}

// canonical wants an address in its EIP-55 form, so that no two spellings are two payloads.
func canonical(name, address string) string {
	if !common.IsHexAddress(address) || !isChecksummed(address) {
		return fmt.Sprintf("%s %q is not an address in EIP-55 form", name, address)
	}
	return ""
}

// isChecksummed says whether the letters of an address are upper and lower case as EIP-55 has them, and its prefix is 0x.
func isChecksummed(address string) bool {
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok || len(digits) != 2*common.AddressLength {
		return false
	}
	var lower [2 * common.AddressLength]byte
	for i := range lower {
		if lower[i] = digits[i]; lower[i] >= 'A' && lower[i] <= 'F' {
			lower[i] += 'a' - 'A'
		}
	}
	sum := crypto.Keccak256(lower[:])
	for i, c := range lower {
		nibble := sum[i/2] >> (4 * (1 - i%2)) & 0xf
		if c >= 'a' && nibble >= 8 {
			c -= 'a' - 'A'
		}
		if digits[i] != c {
			return false
		}
	}
	return true
}

// sureDigits are so few that a number with them is below 2^256.
const sureDigits = 77

// number wants a whole number below 2^256 in its shortest decimal form.
func number(name, s string) string {
	if isShortest(s) && (len(s) <= sureDigits || len(s) == sureDigits+1 && amount(s).BitLen() <= 256) {
		return ""
	}
	return fmt.Sprintf("%s %q is not a whole number below 2^256", name, s)
}

// isShortest says whether a text is a whole number without a sign or leading zeros.
func isShortest(s string) bool {
	if s == "" || s[0] == '0' && s != "0" {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

// above compares two numbers that are in their shortest form.
func above(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}
