package policy

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"coffer.internal/signing"
)

const (
	from   = "0x52908400098527886E0F7030069857D2E4169EE7"
	other  = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
	usdt   = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
	usdc   = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
	ledger = "ledger-1"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func publicOf(b byte) ed25519.PublicKey { return keyOf(b).Public().(ed25519.PublicKey) }

// The authorizers of the tests' policies, by the first byte of their seeds.
const (
	service = 1
	risk    = 2
	anna    = 3
	bert    = 4
	nobody  = 9
)

// authorizers name all of them.
var authorizers = func() string {
	var b strings.Builder
	for _, a := range []struct {
		name string
		role Role
		key  byte
	}{{"desk", Service, service}, {"risk", Risk, risk}, {"anna", Officer, anna}, {"bert", Officer, bert}} {
		fmt.Fprintf(&b, "[[authorizer]]\nname = %q\nrole = %q\nkey = %q\n\n", a.name, a.role, WriteKey(publicOf(a.key)))
	}
	return b.String()
}()

// policyOf is a policy with the usual authorizers.
func policyOf(t *testing.T, rules string) *Policy {
	t.Helper()
	p, err := Parse([]byte("version = 1\n\n" + authorizers + rules))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// withdrawRule is a rule for withdrawals of coin from hot keys on chain 1, with further lines.
func withdrawRule(lines string) string {
	return `[[rule]]
name = "w"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["coin"]
` + lines + "\n"
}

// mendRule is a rule for cancellations and gap fills, with further lines.
func mendRule(lines string) string {
	return `[[rule]]
name = "m"
purposes = ["cancel", "gap_fill"]
accounts = ["hot"]
chains = ["evm:1"]
` + lines + "\n"
}

// sweepRule is a rule for sweeps to the vault, with further lines.
func sweepRule(lines string) string {
	return `[[rule]]
name = "s"
purposes = ["sweep"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["coin"]
to = ["` + canonicalVault + `"]
` + lines + "\n"
}

// canonicalVault is a place to sweep to.
const canonicalVault = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"

// payment pays 1000 wei at a cost of at most 21000 gas of 10 wei.
func payment() signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: "w-1", Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: 7,
		EVM: &signing.EVMTransfer{To: other, Amount: "1000", GasLimit: 21000, MaxFeePerGas: "10", MaxPriorityFeePerGas: "1"},
	}
}

// fee is what payment can cost.
const fee = 210_000

func changed(change func(*signing.Intent)) signing.Intent {
	i := payment()
	change(&i)
	return i
}

// authorized is an authorization of an intent, valid for an hour from now, with a cap on the fee of exactly what payment can cost.
func authorized(i signing.Intent, key byte, change ...func(*signing.Authorization)) signing.SignedAuthorization {
	to, asset, amount := i.Pays()
	a := signing.Authorization{
		Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount,
		MaxFee: fmt.Sprint(fee), Issued: now, Expires: now.Add(time.Hour),
	}
	for _, c := range change {
		c(&a)
	}
	return signing.SignedAuthorization{Authorization: a, Key: publicOf(key)}
}

// question asks about an intent with the authorizations of these.
func question(i signing.Intent, keys ...byte) Question {
	q := Question{Matter{Intent: i, Account: Hot}, State{Now: now}}
	for _, k := range keys {
		q.Authorizations = append(q.Authorizations, authorized(i, k))
	}
	return q
}

// code is that of a verdict's refusal; empty: it is permitted.
func code(v Verdict) string {
	if v.Refusal == nil {
		return ""
	}
	return v.Refusal.Code
}

func wantCode(t *testing.T, v Verdict, want string) {
	t.Helper()
	if code(v) != want {
		t.Errorf("%q, want %q: %+v", code(v), want, v.Refusal)
	}
}

// used is the usage of every counter.
func used(hour, day Sum) func(string) Usage {
	return func(string) Usage { return Usage{Hour: hour, Day: day} }
}

func sum(amount, fee int64, count int) Sum {
	return Sum{Cost{big.NewInt(amount), big.NewInt(fee)}, count}
}
