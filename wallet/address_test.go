package wallet_test

import (
	"errors"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/wallet"
)

// The addresses of EIP-55's own test cases.
var eip55 = []string{
	"0x52908400098527886E0F7030069857D2E4169EE7",
	"0x8617E340B3D01FA5F11F306F4090FD50E238070D",
	"0xde709f2102306220921060314715629080e2fb77",
	"0x27b1fdb04752bbc536007a920d24acb045561c26",
	"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
	"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
	"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
	"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
}

func TestEVMAddressesOfAnyCaseBecomeTheirChecksummedForm(t *testing.T) {
	for _, want := range eip55 {
		for _, s := range []string{
			want, strings.ToLower(want), "0x" + strings.ToUpper(want[2:]), "0X" + want[2:], strings.ToUpper(want),
		} {
			got, err := wallet.ParseAddress(wallet.EVM, 1, s)
			if err != nil || got != want {
				t.Errorf("%s became %q, %v; want %s", s, got, err, want)
			}
		}
	}
}

// The valid addresses of BIP-173 and BIP-350, and addresses in base58, each with every chain id on which it exists.
var bitcoin = []struct {
	address string
	chains  []int64
}{
	{"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", []int64{0}},
	{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", []int64{1, 2}},
	{"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", []int64{0}},
	{"BC1SW50QGDZ25J", []int64{0}},
	{"bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", []int64{0}},
	{"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy", []int64{1, 2}},
	{"tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c", []int64{1, 2}},
	{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", []int64{0}},
	{"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", []int64{3}},
	{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", []int64{0}},
	{"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", []int64{0}},
	{"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", []int64{1, 2, 3}},
	{"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", []int64{1, 2, 3}},
}

func TestBitcoinAddressesAreTakenOnTheirOwnNetworksOnly(t *testing.T) {
	for _, c := range bitcoin {
		canonical := c.address
		if strings.ToUpper(c.address) == c.address {
			canonical = strings.ToLower(c.address)
		}
		on := map[int64]bool{}
		for _, id := range c.chains {
			on[id] = true
		}
		for id := int64(0); id <= 3; id++ {
			got, err := wallet.ParseAddress(wallet.BTC, id, c.address)
			switch {
			case on[id] && (err != nil || got != canonical):
				t.Errorf("%s on chain %d became %q, %v", c.address, id, got, err)
			case !on[id] && fault.Code(err) != "address_network":
				t.Errorf("%s on chain %d: %q, %v; want it refused as of another network", c.address, id, got, err)
			}
		}
	}
}

func TestInvalidBitcoinAddressesAreRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct{ address, why string }{
		// BIP-350's and BIP-173's own invalid addresses.
		{"tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut", "begins neither with bc1"},
		{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "version 1 takes bech32m"},
		{"tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf", "version 2 takes bech32m"},
		{"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL", "version 16 takes bech32m"},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "version 0 takes bech32,"},
		{"tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47", "version 0 takes bech32,"},
		{"bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", "character 60, 'o', does not occur"},
		{"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", "witness version is 17"},
		{"bc1pw5dgrnzv", "has 1 bytes"},
		{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav", "has 41 bytes"},
		{"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "version 0 has 20 or 32"},
		{"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq", "mixes upper and lower case"},
		{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", "padding"},
		{"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j", "padding"},
		{"bc1gmk9yu", "holds no witness version"},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "checksum is wrong"},
		// Base58.
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "checksum is wrong"},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", "character 33, '0', does not occur in base58"},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf", "bytes in base58, not 25"},
		{"LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", "version byte is 48"},
	} {
		for id := int64(0); id <= 3; id++ {
			got, err := wallet.ParseAddress(wallet.BTC, id, c.address)
			if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), c.address) {
				t.Errorf("%s on chain %d: %q, %v; want it refused, with %q", c.address, id, got, err, c.why)
			}
		}
	}
}

func TestSolanaAddressesAreThirtyTwoBytesInBase58(t *testing.T) {
	for _, s := range []string{
		"11111111111111111111111111111111",
		"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
		"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
	} {
		for id := int64(101); id <= 104; id++ {
			if got, err := wallet.ParseAddress(wallet.Solana, id, s); err != nil || got != s {
				t.Errorf("%s became %q, %v", s, got, err)
			}
		}
	}
	for _, s := range []string{"1111111111111111111111111111111", "111111111111111111111111111111111", "So1111111111111111111111111111111111111111O"} {
		if got, err := wallet.ParseAddress(wallet.Solana, 101, s); fault.Code(err) != "bad_address" {
			t.Errorf("%s became %q, %v", s, got, err)
		}
	}
}

func TestTheChainTypeFollowsFromTheFormOfTheAddress(t *testing.T) {
	for _, c := range []struct {
		address string
		chainID int64
		want    wallet.ChainType
	}{
		{eip55[4], 1, wallet.EVM},
		{"0xdead", 31337, wallet.EVM}, // the form only: ParseAddress says what is wrong with it
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", 0, wallet.BTC},
		{"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", 3, wallet.BTC},
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 0, wallet.BTC},
		{"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", 101, wallet.Solana},
		{"bc1okegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DAt", 101, wallet.Solana}, // begins like Bitcoin's, and is not
	} {
		if got, err := wallet.ChainTypeOf(c.address, c.chainID); err != nil || got != c.want {
			t.Errorf("%s is %q, %v; want %s", c.address, got, err, c.want)
		}
	}
}

func TestChainIDsBelongToTheirChainType(t *testing.T) {
	good := map[wallet.ChainType][]int64{wallet.EVM: {1, 1337, 1<<63 - 1}, wallet.BTC: {0, 1, 2, 3}, wallet.Solana: {101, 102, 103, 104}}
	bad := map[wallet.ChainType][]int64{wallet.EVM: {0, -1}, wallet.BTC: {-1, 4}, wallet.Solana: {0, 1, 100, 105}, "ton": {1}}
	for ct, ids := range good {
		for _, id := range ids {
			if err := wallet.CheckChainID(ct, id); err != nil {
				t.Errorf("%s %d: %v", ct, id, err)
			}
		}
	}
	for ct, ids := range bad {
		for _, id := range ids {
			if err := wallet.CheckChainID(ct, id); !errors.Is(err, fault.Usage) {
				t.Errorf("%s %d: %v; want a usage fault", ct, id, err)
			}
		}
	}
}

func TestUnknownNamesAreRefusedWithTheKnownOnes(t *testing.T) {
	if _, err := wallet.ParseChainType("EVM"); !errors.Is(err, fault.Usage) || fault.Hint(err) != "use one of evm, btc, solana" {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
	if _, err := wallet.ParseType("warm"); !errors.Is(err, fault.Usage) || fault.Hint(err) != "use one of hot, multisig, cold, vault" {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
}
