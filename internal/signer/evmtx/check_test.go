package evmtx

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/signing"
)

const (
	from  = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
	to    = "0x52908400098527886E0F7030069857D2E4169EE7"
	token = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
)

// payment is an intent that is in order; a test changes one thing.
func payment(change func(*signing.Intent)) signing.Intent {
	i := signing.Intent{
		Version: signing.Version, Ledger: "l", Payment: "p", Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: 7,
		EVM: &signing.EVMTransfer{To: to, Amount: "1000", GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"},
	}
	if change != nil {
		change(&i)
	}
	return i
}

func gapFill(i *signing.Intent) {
	i.Payment, i.Purpose, i.EVM.To, i.EVM.Amount = "", signing.PurposeGapFill, from, "0"
}

func cancellation(i *signing.Intent) {
	i.Purpose, i.EVM.To, i.EVM.Amount = signing.PurposeCancel, from, "0"
}

func legacy(i *signing.Intent) {
	i.EVM.MaxFeePerGas, i.EVM.MaxPriorityFeePerGas, i.EVM.GasPrice = "", "", "12"
}

func TestIntentsInOrderAreSigned(t *testing.T) {
	for name, change := range map[string]func(*signing.Intent){
		"EIP-1559": nil, "gap fill": gapFill, "cancellation": cancellation, "legacy": legacy, "token": func(i *signing.Intent) { i.EVM.Contract, i.EVM.GasLimit = token, 60000 },
		"nonce 0": func(i *signing.Intent) { i.Nonce = 0 }, "no fee at all": func(i *signing.Intent) { i.EVM.MaxFeePerGas, i.EVM.MaxPriorityFeePerGas = "0", "0" },
	} {
		if r := Check(payment(change)); r != nil {
			t.Errorf("%s: refused: %s", name, r.Reason)
		}
	}
}

func TestIntentsOutOfOrderAreRefusedForGood(t *testing.T) {
	for want, change := range map[string]func(*signing.Intent){
		"version 2":                               func(i *signing.Intent) { i.Version = 2 },
		`chain type "btc" is not evm`:             func(i *signing.Intent) { i.ChainType = "btc" },
		"no ledger id":                            func(i *signing.Intent) { i.Ledger = "" },
		"chain id 0 is below 1":                   func(i *signing.Intent) { i.ChainID = 0 },
		"above 2^53":                              func(i *signing.Intent) { i.Nonce = signing.MaxNonce + 1 },
		"from":                                    func(i *signing.Intent) { i.From = strings.ToLower(from) },
		"without a payment id":                    func(i *signing.Intent) { i.Payment = "" },
		"a payment of nothing":                    func(i *signing.Intent) { i.EVM.Amount = "0" },
		"a payment to its own wallet":             func(i *signing.Intent) { i.EVM.To = from },
		"a gap fill is a transfer of nothing":     func(i *signing.Intent) { i.Purpose, i.Payment = signing.PurposeGapFill, "" },
		"a cancellation is a transfer of nothing": func(i *signing.Intent) { i.Purpose = signing.PurposeCancel },
		`purpose "gift" is not known`:             func(i *signing.Intent) { i.Purpose = "gift" },
		"the recipient is the zero address":       func(i *signing.Intent) { i.EVM.To = "0x0000000000000000000000000000000000000000" },
		`amount "01" is not`:                      func(i *signing.Intent) { i.EVM.Amount = "01" },
		`amount "-1" is not`:                      func(i *signing.Intent) { i.EVM.Amount = "-1" },
		`amount "1e3" is not`:                     func(i *signing.Intent) { i.EVM.Amount = "1e3" },
		"is not a whole number below 2^256":       func(i *signing.Intent) { i.EVM.Amount = "1" + strings.Repeat("0", 78) },
		"the token's own contract":                func(i *signing.Intent) { i.EVM.Contract = to },
		"contract":                                func(i *signing.Intent) { i.EVM.Contract = strings.ToLower(token) },
		"gas limit 20999":                         func(i *signing.Intent) { i.EVM.GasLimit = 20999 },
		"gas limit 16777217":                      func(i *signing.Intent) { i.EVM.GasLimit = 16777217 },
		"both a gas price and a fee cap":          func(i *signing.Intent) { i.EVM.GasPrice = "1" },
		`max_fee_per_gas "" is not`:               func(i *signing.Intent) { i.EVM.MaxFeePerGas = "" },
		"priority fee 31 is above":                func(i *signing.Intent) { i.EVM.MaxPriorityFeePerGas = "31" },
	} {
		r := Check(payment(change))
		if r == nil || r.Kind != signing.RefusedForGood || !strings.Contains(r.Reason, want) {
			t.Errorf("%s: %+v", want, r)
		}
	}
}

func TestACancellationMovesNothingAndNamesItsPayment(t *testing.T) {
	for name, change := range map[string]func(*signing.Intent){
		"to somebody else":      func(i *signing.Intent) { i.EVM.To = to },
		"of an amount":          func(i *signing.Intent) { i.EVM.Amount = "1" },
		"of a token":            func(i *signing.Intent) { i.EVM.Contract = token },
		"without a payment id":  func(i *signing.Intent) { i.Payment = "" },
		"to itself, lower case": func(i *signing.Intent) { i.EVM.To = strings.ToLower(from) },
	} {
		if r := Check(payment(func(i *signing.Intent) { cancellation(i); change(i) })); r == nil || r.Code != "malformed" || r.Kind != signing.RefusedForGood {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestSigningIsDeterministicAndOnlyWithTheRightKey(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	i := payment(func(i *signing.Intent) { i.From = crypto.PubkeyToAddress(key.PublicKey).Hex() })
	a, hashA, errA := NewKey(key).Sign(i)
	b, hashB, errB := NewKey(key).Sign(i)
	if errA != nil || errB != nil || !bytes.Equal(a, b) || hashA != hashB {
		t.Errorf("%x %s %v, then %x %s %v", a, hashA, errA, b, hashB, errB)
	}
	if _, _, err := NewKey(key).Sign(payment(nil)); err == nil {
		t.Error("signed for an address of another key")
	}
}
