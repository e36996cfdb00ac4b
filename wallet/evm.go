package wallet

import (
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/fault"
)

const evmDigits = 40

// parseEVM reads 0x (or 0X) and 40 hex digits. All-lower and all-upper digits carry no checksum and are taken; mixed case
// is the checksum of EIP-55 and must be right.
func parseEVM(s string) (string, error) {
	switch {
	case isICAP(s):
		return "", fault.New(fault.Usage, "bad_address", "write the address as 0x and 40 hex digits", "%s is in the ICAP form, which coffer does not read", s)
	case isBareEVM(s):
		return "", fault.New(fault.Usage, "bad_address", "if that is the address, write 0x"+s, "%s has no 0x in front", s)
	case !hasHexPrefix(s):
		return "", fault.New(fault.Usage, "bad_address", "an evm address is 0x and 40 hex digits; `coffer list` shows those of your wallets", "%s is not an evm address", s)
	}
	digits := s[2:]
	if at := firstNonHex(digits); at >= 0 {
		return "", fault.New(fault.Usage, "bad_address", "an evm address is 0x and 40 hex digits; `coffer list` shows those of your wallets",
			"%s is not an evm address: character %d, %q, is not a hex digit", s, at+3, digits[at])
	}
	if len(digits) != evmDigits {
		return "", fault.New(fault.Usage, "bad_address", "an evm address is 0x and 40 hex digits; `coffer list` shows those of your wallets",
			"%s is not an evm address: it has %d hex digits, not %d", s, len(digits), evmDigits)
	}
	canonical := common.HexToAddress(digits).Hex()
	if digits == strings.ToLower(digits) || digits == strings.ToUpper(digits) || digits == canonical[2:] {
		return canonical, nil
	}
	return "", fault.New(fault.Usage, "address_checksum", "compare every character with its source; only if all of them are right, its checksum is "+canonical,
		"%s has a wrong checksum (EIP-55)", s)
}

func hasHexPrefix(s string) bool { return strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") }

// isBareEVM says whether only the 0x is missing.
func isBareEVM(s string) bool { return len(s) == evmDigits && firstNonHex(s) < 0 }

// isICAP says whether s is in the form of ICAP, an IBAN of the country code XE: 34 or 35 characters.
func isICAP(s string) bool {
	return (len(s) == 34 || len(s) == 35) && strings.HasPrefix(s, "XE") && s == strings.ToUpper(s) &&
		s[2] >= '0' && s[2] <= '9' && s[3] >= '0' && s[3] <= '9'
}

// firstNonHex is the index of the first byte that is not a hex digit, or -1.
func firstNonHex(s string) int {
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F')
	})
}
