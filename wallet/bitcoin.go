package wallet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcutil/base58"
	"github.com/btcsuite/btcd/btcutil/bech32"

	"coffer.internal/internal/fault"
)

// The chain ids of Bitcoin's networks, with their names.
var bitcoinNetworks = []string{0: "mainnet", 1: "testnet", 2: "signet", 3: "regtest"}

// segwitNetworks are the networks of a human-readable part (BIP-173): testnet and signet have the same.
var segwitNetworks = map[string][]int64{"bc": {0}, "tb": {1, 2}, "bcrt": {3}}

// base58Networks are the networks of a version byte: P2PKH and P2SH. All test networks have the same.
var base58Networks = map[byte][]int64{0x00: {0}, 0x05: {0}, 0x6f: {1, 2, 3}, 0xc4: {1, 2, 3}}

// bitcoinPayload is how long a P2PKH or P2SH address is in bytes: version, hash, checksum.
const bitcoinPayload = 1 + 20 + 4

// parseBitcoin reads P2PKH and P2SH in base58 with its checksum, and segregated witness addresses: version 0 in bech32
// (BIP-173), 1 and above in bech32m (BIP-350). Bech32 becomes lower case.
func parseBitcoin(chainID int64, s string) (string, error) {
	canonical, networks, err := decodeBitcoin(s)
	if err != nil {
		code := "bad_address"
		if errors.Is(err, errChecksum) {
			code = "address_checksum"
		}
		return "", fault.New(fault.Usage, code, "compare every character with its source; `coffer list` shows the addresses of your wallets", "%s is not a btc address: %v", s, err)
	}
	if !slices.Contains(networks, chainID) {
		return "", fault.New(fault.Usage, "address_network",
			fmt.Sprintf("name chain id %d, or give an address of %s", networks[0], bitcoinNetworks[chainID]),
			"%s is an address of btc %s, and chain id %d is %s", s, networkNames(networks), chainID, bitcoinNetworks[chainID])
	}
	return canonical, nil
}

var errChecksum = errors.New("its checksum is wrong")

// decodeBitcoin gives an address in its canonical form and the chain ids of the networks on which it exists.
func decodeBitcoin(s string) (string, []int64, error) {
	if hrp, data := splitSegwit(s); hrp != "" {
		if at := firstNonBech32(data); at >= 0 {
			return "", nil, fmt.Errorf("character %d, %q, does not occur in bech32", len(hrp)+1+at+1, data[at])
		}
		canonical, err := decodeSegwit(s)
		return canonical, segwitNetworks[hrp], err
	}
	if at := firstNonBase58(s); at >= 0 {
		return "", nil, fmt.Errorf("it begins neither with bc1, tb1 nor bcrt1, and character %d, %q, does not occur in base58", at+1, s[at])
	}
	if n := base58Bytes(s); n != bitcoinPayload {
		return "", nil, fmt.Errorf("it has %d bytes in base58, not %d", n, bitcoinPayload)
	}
	hash, version, err := base58.CheckDecode(s)
	if err != nil {
		return "", nil, errChecksum
	}
	networks, ok := base58Networks[version]
	if !ok {
		return "", nil, fmt.Errorf("its version byte is %d, which no network of Bitcoin has", version)
	}
	return base58.CheckEncode(hash, version), networks, nil
}

// decodeSegwit checks a segregated witness address by the rules of BIP-173 and BIP-350, and writes it in lower case.
func decodeSegwit(s string) (string, error) {
	_, data, encoding, err := bech32.DecodeGeneric(s)
	var mixed bech32.ErrMixedCase
	var sum bech32.ErrInvalidChecksum
	switch {
	case errors.As(err, &mixed):
		return "", errors.New("it mixes upper and lower case")
	case errors.As(err, &sum):
		return "", errChecksum
	case err != nil:
		return "", err
	case len(data) == 0:
		return "", errors.New("it holds no witness version")
	}
	version := data[0]
	if version > 16 {
		return "", fmt.Errorf("its witness version is %d, and 16 is the highest", version)
	}
	program, err := bech32.ConvertBits(data[1:], 5, 8, false)
	if err != nil {
		return "", errors.New("its padding is wrong")
	}
	n := len(program)
	switch {
	case n < 2 || n > 40:
		return "", fmt.Errorf("its witness program has %d bytes, not 2 to 40", n)
	case version == 0 && n != 20 && n != 32:
		return "", fmt.Errorf("its witness program has %d bytes, and version 0 has 20 or 32", n)
	case version == 0 && encoding != bech32.Version0:
		return "", fmt.Errorf("%w: version 0 takes bech32, not bech32m", errChecksum)
	case version != 0 && encoding != bech32.VersionM:
		return "", fmt.Errorf("%w: version %d takes bech32m, not bech32", errChecksum, version)
	}
	return strings.ToLower(s), nil
}

// splitSegwit gives the human-readable part and the data of a segregated witness address, in lower case; both are empty if s
// is none. Mixed case is only taken for one if all of its data occurs in bech32, because base58 mixes cases: one of 200,000
// Solana addresses begins with bc1.
func splitSegwit(s string) (hrp, data string) {
	lower := strings.ToLower(s)
	hrp, data, _ = strings.Cut(lower, "1")
	if segwitNetworks[hrp] == nil {
		return "", ""
	}
	if s != lower && s != strings.ToUpper(s) && firstNonBech32(data) >= 0 {
		return "", ""
	}
	return hrp, data
}

// firstNonBech32 is the index of the first byte that does not occur in the data of bech32 (in lower case), or -1.
func firstNonBech32(s string) int {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("qpzry9x8gf2tvdw0s3jn54khce6mua7l", r) })
}

func networkNames(ids []int64) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = bitcoinNetworks[id]
	}
	return strings.Join(names, " or ")
}
