package wallet_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"coffer.internal/internal/fault"
	"coffer.internal/wallet"
)

func TestWhatIsWrongWithAnAddressIsSaidExactly(t *testing.T) {
	const good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	const lists = "`coffer list` shows the addresses of your wallets"
	const clean = "write the address again without that character; `coffer list` shows those of your wallets"
	const evmForm = "an evm address is 0x and 40 hex digits; `coffer list` shows those of your wallets"
	for _, c := range []struct {
		name    string
		ct      wallet.ChainType
		chainID int64
		address string
		code    string
		says    string
		hint    string
	}{
		{"empty", wallet.EVM, 1, "", "bad_address", "the address is empty", lists},
		{"the guide's", wallet.EVM, 1, "0x1234...", "address_shortened", `the address "0x1234..." is shortened`, lists + ", whole"},
		{"shortened with an ellipsis", wallet.EVM, 1, "0x5aAe…eAed", "address_shortened", `the address "0x5aAe\u2026eAed" is shortened`, lists + ", whole"},
		{"wrong checksum", wallet.EVM, 1, "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "address_checksum",
			"0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed has a wrong checksum (EIP-55)",
			"compare every character with its source; only if all of them are right, its checksum is " + good},
		{"no prefix", wallet.EVM, 1, good[2:], "bad_address", good[2:] + " has no 0x in front", "if that is the address, write " + good},
		{"too short", wallet.EVM, 1, "0x5aAe", "bad_address", "0x5aAe is not an evm address: it has 4 hex digits, not 40", evmForm},
		{"a letter that is no digit", wallet.EVM, 1, good[:41] + "g", "bad_address", good[:41] + "g is not an evm address: character 42, 'g', is not a hex digit", evmForm},
		{"ICAP", wallet.EVM, 1, "XE86PKRU3LGQDPW2L7D5BFYRP14LMKJDZS6", "bad_address", "XE86PKRU3LGQDPW2L7D5BFYRP14LMKJDZS6 is in the ICAP form, which coffer does not read", "write the address as 0x and 40 hex digits"},
		{"a space in front", wallet.EVM, 1, " " + good, "address_character", `the address " ` + good + `" is not clean: its first character is a space (U+0020)`, clean},
		{"a line feed behind", wallet.EVM, 1, good + "\n", "address_character", `the address "` + good + `\n" is not clean: its last character, number 43, is a line feed (U+000A)`, clean},
		{"zero width space", wallet.EVM, 1, good[:10] + "\u200b" + good[10:], "address_character", `the address "` + good[:10] + `\u200b` + good[10:] + `" is not clean: character 11 is a zero width space (U+200B)`, clean},
		{"byte order mark", wallet.EVM, 1, "\ufeff" + good, "address_character", `the address "\ufeff` + good + `" is not clean: its first character is a byte order mark (U+FEFF)`, clean},
		{"full-width digit", wallet.EVM, 1, "0x５" + good[3:], "address_character", `the address "0x\uff15` + good[3:] + `" is not clean: character 3 is the full-width form of '5' (U+FF15)`, clean},
		{"Cyrillic a", wallet.EVM, 1, "0x5\u0430" + good[4:], "address_character", `the address "0x5\u0430` + good[4:] + `" is not clean: character 4 is U+0430, which is not ASCII`, clean},
		{"not UTF-8", wallet.EVM, 1, "0x5\xff" + good[4:], "address_character", `the address "0x5\xff` + good[4:] + `" is not clean: character 4 is the byte 0xFF, which is not UTF-8`, clean},
		{"terminal escape", wallet.EVM, 1, "0x5\x1b[2J", "address_character", `the address "0x5\x1b[2J" is not clean: character 4 is a control character (U+001B)`, clean},
		{"Bitcoin's on evm", wallet.EVM, 1, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "address_chain_type",
			"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 is an address of btc (mainnet), not of evm", "name chain type and chain id of the address, or give an address of evm"},
		{"Solana's on btc", wallet.BTC, 0, "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "address_chain_type",
			"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA is an address of solana, not of btc", "name chain type and chain id of the address, or give an address of btc"},
		{"evm's on solana", wallet.Solana, 101, good, "address_chain_type", good + " is an address of evm, not of solana", "name chain type and chain id of the address, or give an address of solana"},
		{"testnet on mainnet", wallet.BTC, 0, "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "address_network",
			"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn is an address of btc testnet or signet or regtest, and chain id 0 is mainnet", "name chain id 1, or give an address of mainnet"},
		{"mainnet on regtest", wallet.BTC, 3, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "address_network",
			"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 is an address of btc mainnet, and chain id 3 is regtest", "name chain id 0, or give an address of regtest"},
		{"chain id", wallet.BTC, 4, good, "bad_chain_id", "4 is not a chain id of btc", "btc has 0 (mainnet), 1 (testnet), 2 (signet) and 3 (regtest)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := wallet.ParseAddress(c.ct, c.chainID, c.address)
			if got != "" || !errors.Is(err, fault.Usage) {
				t.Fatalf("became %q, %v; want a usage fault", got, err)
			}
			if fault.Code(err) != c.code || err.Error() != c.says || fault.Hint(err) != c.hint {
				t.Errorf("got  %s | %s | %s\nwant %s | %s | %s", fault.Code(err), err, fault.Hint(err), c.code, c.says, c.hint)
			}
		})
	}
}

func TestAnAddressThatFitsNoChainTypeIsRefused(t *testing.T) {
	for _, c := range []struct {
		address string
		chainID int64
		code    string
		says    string
	}{
		{"0x1234...", 1, "address_shortened", "is shortened"},
		{"hello", 1, "bad_address", "hello is not an address of any chain type"},
		{strings.Repeat("1", 100), 1, "bad_address", "has 100 characters: no address is that long"},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 56, "address_chain_type", "is an address of btc (mainnet), and 56 is not a chain id of btc"},
		{"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", 1, "address_chain_type", "is an address of solana, and 1 is not"},
	} {
		_, err := wallet.ChainTypeOf(c.address, c.chainID)
		if !errors.Is(err, fault.Usage) || fault.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %s, %v; want %s, %q", c.address, fault.Code(err), err, c.code, c.says)
		}
	}
}

func TestAKeyInThePlaceOfAnAddressIsNeverShown(t *testing.T) {
	for name, key := range map[string]string{
		"hex":                    "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
		"0x hex":                 "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
		"hex with a line feed":   "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318\n",
		"wallet import format":   "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
		"BIP-32 extended key":    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
		"words":                  strings.Repeat("abandon ", 11) + "about",
		"Solana keypair, base58": "4Z7cXSyeFR8wNGMVXUE1TwtKn5D5Vu7FzEv69dokLv7KrQk7h6pu4LF8ZRR9yQBhc7uSM6RTTZtU1fmaxiNrxXrs",
	} {
		t.Run(name, func(t *testing.T) {
			for _, ct := range []wallet.ChainType{wallet.EVM, wallet.BTC, wallet.Solana} {
				chainID := map[wallet.ChainType]int64{wallet.EVM: 1, wallet.BTC: 0, wallet.Solana: 101}[ct]
				_, err := wallet.ParseAddress(ct, chainID, key)
				if fault.Code(err) != "looks_like_a_key" || !errors.Is(err, fault.Usage) {
					t.Errorf("%s: %v", ct, err)
				}
				if said := err.Error() + fault.Hint(err); strings.Contains(said, key[:8]) {
					t.Errorf("%s: the key is shown: %s", ct, said)
				}
			}
			if _, err := wallet.ParseChainType(key); strings.Contains(err.Error(), key[:8]) {
				t.Errorf("the key is shown: %v", err)
			}
		})
	}
}

func TestACanonicalAddressStaysAsItIs(t *testing.T) {
	var bases []string
	bases = append(bases, eip55...)
	for _, c := range bitcoin {
		bases = append(bases, c.address)
	}
	bases = append(bases, "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.SampledFrom(bases),
			rapid.StringMatching(`0[xX]([0-9a-f]{40}|[0-9A-F]{40})`),
			rapid.StringMatching(`[1-9A-HJ-NP-Za-km-z]{25,44}`),
			rapid.Custom(func(t *rapid.T) string { // one character of a good one changed
				b := []rune(rapid.SampledFrom(bases).Draw(t, "base"))
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Rune().Draw(t, "rune")
				return string(b)
			}),
			rapid.String(),
		).Draw(t, "address")
		for ct, ids := range map[wallet.ChainType][]int64{wallet.EVM: {1}, wallet.BTC: {0, 1, 2, 3}, wallet.Solana: {101}} {
			for _, id := range ids {
				canonical, err := wallet.ParseAddress(ct, id, s)
				if err != nil {
					if !errors.Is(err, fault.Usage) || canonical != "" || strings.ContainsFunc(err.Error(), unclean) {
						t.Fatalf("%s %d %q: %q, %v", ct, id, s, canonical, err)
					}
					continue
				}
				again, err := wallet.ParseAddress(ct, id, canonical)
				if err != nil || again != canonical {
					t.Fatalf("%s %d %q became %q, then %q, %v", ct, id, s, canonical, again, err)
				}
				if of, err := wallet.ChainTypeOf(canonical, id); err != nil || of != ct {
					t.Fatalf("%q is taken for %q, %v; want %s", canonical, of, err, ct)
				}
			}
		}
	})
}

// unclean says whether a character could not be seen in an error, or could change what a terminal shows. The … marks what was
// cut off.
func unclean(r rune) bool { return (r < ' ' || r > '~') && r != '…' }
