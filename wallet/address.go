package wallet

import (
	"strings"

	"coffer.internal/internal/fault"
)

// ParseAddress reads an address of a chain and gives its canonical form.
//
// Every way in which it can be wrong is a fault.Usage that says what is wrong and where: an invisible or full-width
// character, white space around it, a wrong checksum, another network, another chain type, a key in the place of an address
// (which is not shown). Reading a canonical form gives the same form again.
func ParseAddress(ct ChainType, chainID int64, s string) (string, error) {
	if err := CheckChainID(ct, chainID); err != nil {
		return "", err
	}
	if err := checkWhole(s); err != nil {
		return "", err
	}
	if other, ok := formOf(s); ok && other != ct {
		return "", fault.New(fault.Usage, "address_chain_type", "name chain type and chain id of the address, or give an address of "+string(ct),
			"%s is an address of %s, not of %s", s, described(other, s), ct)
	}
	switch ct {
	case EVM:
		return parseEVM(s)
	case BTC:
		return parseBitcoin(chainID, s)
	default:
		return parseSolana(s)
	}
}

// ChainTypeOf tells from the form of an address which chain type it belongs to. It does not check the address: ParseAddress
// does. A chain id that this type does not have is a fault.Usage too: such an address exists on no such chain.
func ChainTypeOf(s string, chainID int64) (ChainType, error) {
	if err := checkWhole(s); err != nil {
		return "", err
	}
	ct, ok := formOf(s)
	if !ok {
		hint := "an address is 0x and 40 hex digits (evm), bc1…, tb1…, bcrt1… or base58 (btc), or 32 bytes in base58 (solana)"
		if isBareEVM(s) {
			hint = "put 0x in front if it is an evm address"
		}
		return "", fault.New(fault.Usage, "bad_address", hint, "%s is not an address of any chain type", s)
	}
	if err := CheckChainID(ct, chainID); err != nil {
		return "", fault.New(fault.Usage, "address_chain_type", fault.Hint(err), "%s is an address of %s, and %d is not a chain id of %s", s, described(ct, s), chainID, ct)
	}
	return ct, nil
}

// checkWhole refuses what is no address on any chain: empty, shortened, unclean, a key, or far too long.
func checkWhole(s string) error {
	switch {
	case s == "":
		return fault.New(fault.Usage, "bad_address", "`coffer list` shows the addresses of your wallets", "the address is empty")
	case strings.Contains(s, "...") || strings.Contains(s, "…"):
		return fault.New(fault.Usage, "address_shortened", "`coffer list` shows the addresses of your wallets, whole", "the address %s is shortened", shown(s))
	}
	if err := checkSecret(s); err != nil {
		return err
	}
	if err := checkCharacters(s); err != nil {
		return err
	}
	if len(s) > longestShown {
		return fault.New(fault.Usage, "bad_address", "`coffer list` shows the addresses of your wallets", "the address %s has %d characters: no address is that long", shown(s), len(s))
	}
	return nil
}

// formOf tells the chain type that an address belongs to by its form, whatever its checksum.
func formOf(s string) (ChainType, bool) {
	if hasHexPrefix(s) || isICAP(s) {
		return EVM, true
	}
	if hrp, _ := splitSegwit(s); hrp != "" {
		return BTC, true
	}
	switch base58Bytes(s) {
	case bitcoinPayload:
		return BTC, true
	case solanaKey:
		return Solana, true
	}
	return "", false
}

// described is a chain type as a person knows it, with the network where the address tells it.
func described(ct ChainType, s string) string {
	if ct != BTC {
		return string(ct)
	}
	if _, networks, err := decodeBitcoin(s); err == nil {
		return "btc (" + networkNames(networks) + ")"
	}
	return string(ct)
}
