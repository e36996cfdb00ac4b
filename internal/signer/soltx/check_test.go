package soltx

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mr-tron/base58"

	"coffer.internal/signing"
)

func TestPaymentsInOrderAreSigned(t *testing.T) {
	for name, change := range map[string]func(*signing.Intent){
		"SOL": nil, "on a test cluster": func(i *signing.Intent) { i.ChainID = 104 }, "with a budget": budget,
		"with a limit alone":      func(i *signing.Intent) { i.Solana.ComputeUnitLimit = 1_400_000 },
		"the most there can be":   func(i *signing.Intent) { i.Solana.Amount = "18446744073709551615" },
		"token":                   asToken,
		"token without decimals":  func(i *signing.Intent) { asToken(i); i.Solana.Decimals = 0 },
		"token to a new account":  func(i *signing.Intent) { asToken(i); i.Solana.CreateRecipientAccount = true },
		"the highest number":      func(i *signing.Intent) { i.Nonce = signing.MaxNonce },
		"the number 0":            func(i *signing.Intent) { i.Nonce = 0 },
		"a token and its budget":  func(i *signing.Intent) { asToken(i); budget(i) },
		"a blockhash of any kind": func(i *signing.Intent) { i.Solana.RecentBlockhash = "11111111111111111111111111111111" },
	} {
		if r := Check(payment(change)); r != nil {
			t.Errorf("%s: refused: %s", name, r.Reason)
		}
	}
}

func TestPaymentsOutOfOrderAreRefusedForGood(t *testing.T) {
	theirAccount, err := tokenAccount(known(addressOf(testKey(2))), tokenProgram, known(usdc))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*signing.Intent)
		want   string
	}{
		"version 2":            {func(i *signing.Intent) { i.Version = 2 }, "version 2"},
		"another chain type":   {func(i *signing.Intent) { i.ChainType = "evm" }, `chain type "evm" is not solana`},
		"two chain parts":      {func(i *signing.Intent) { i.BTC = &signing.BTCTransfer{} }, "and no other"},
		"no such cluster":      {func(i *signing.Intent) { i.ChainID = 1 }, "no chain id 1"},
		"a number above 2^53":  {func(i *signing.Intent) { i.Nonce = signing.MaxNonce + 1 }, "above 2^53"},
		"a cancellation":       {func(i *signing.Intent) { i.Purpose = signing.PurposeCancel }, "is cancelled on EVM only"},
		"a gap fill":           {func(i *signing.Intent) { i.Purpose, i.Payment = signing.PurposeGapFill, "" }, "no gap to fill"},
		"no payment id":        {func(i *signing.Intent) { i.Payment = "" }, "without a payment id"},
		"a payment of nothing": {func(i *signing.Intent) { i.Solana.Amount = "0" }, "of nothing"},
		"a payment to itself":  {func(i *signing.Intent) { i.Solana.To = i.From }, "to its own wallet"},
		"a token to itself":    {func(i *signing.Intent) { asToken(i); i.Solana.To = i.From }, "to its own wallet"},

		"from no address":      {func(i *signing.Intent) { i.From = "x" }, `from "x"`},
		"a recipient cut off":  {func(i *signing.Intent) { i.Solana.To = i.Solana.To[1:] }, "to "},
		"a zero letter":        {func(i *signing.Intent) { i.Solana.To = "0" + i.Solana.To[1:] }, "to "},
		"one that is too long": {func(i *signing.Intent) { i.Solana.To = base58.Encode(make([]byte, 33)) }, "32 bytes"},
		"amount of 2^64":       {func(i *signing.Intent) { i.Solana.Amount = "18446744073709551616" }, "amount"},
		"amount with a zero":   {func(i *signing.Intent) { i.Solana.Amount = "01" }, "amount"},
		"amount with a point":  {func(i *signing.Intent) { i.Solana.Amount = "1.5" }, "amount"},

		"the System program":      {func(i *signing.Intent) { i.Solana.To = systemProgram.String() }, "a program, or burns"},
		"the Token program":       {func(i *signing.Intent) { asToken(i); i.Solana.To = tokenProgram.String() }, "a program, or burns"},
		"the incinerator":         {func(i *signing.Intent) { i.Solana.To = incinerator.String() }, "a program, or burns"},
		"a token account, SOL":    {func(i *signing.Intent) { i.Solana.To = theirAccount.String() }, "off the curve"},
		"a token account, tokens": {func(i *signing.Intent) { asToken(i); i.Solana.To = theirAccount.String() }, "off the curve"},
		"the token's mint":        {func(i *signing.Intent) { asToken(i); i.Solana.To = usdc }, "own mint"},

		"a mint that is none":     {func(i *signing.Intent) { asToken(i); i.Solana.Mint = "usdc" }, "mint"},
		"no token program":        {func(i *signing.Intent) { asToken(i); i.Solana.TokenProgram = "" }, `token_program ""`},
		"Token-2022":              {func(i *signing.Intent) { asToken(i); i.Solana.TokenProgram = token2022.String() }, "not signed for"},
		"decimals without a mint": {func(i *signing.Intent) { i.Solana.Decimals = 6 }, "no mint is named"},
		"a program without one":   {func(i *signing.Intent) { i.Solana.TokenProgram = tokenProgram.String() }, "no mint is named"},
		"an account without one":  {func(i *signing.Intent) { i.Solana.CreateRecipientAccount = true }, "no mint is named"},

		"no blockhash":            {func(i *signing.Intent) { i.Solana.RecentBlockhash = "" }, "recent_blockhash"},
		"a blockhash of 31 bytes": {func(i *signing.Intent) { i.Solana.RecentBlockhash = base58.Encode(bytes.Repeat([]byte{1}, 31)) }, "32 bytes"},
		"no last height":          {func(i *signing.Intent) { i.Solana.LastValidBlockHeight = 0 }, "no height"},
		"a last height of 2^53+1": {func(i *signing.Intent) { i.Solana.LastValidBlockHeight = signing.MaxNonce + 1 }, "no height"},
		"no attempt":              {func(i *signing.Intent) { i.Solana.Attempt = 0 }, "count from 1"},
		"too many units":          {func(i *signing.Intent) { i.Solana.ComputeUnitLimit = 1_400_001 }, "above 1400000"},
		"a price without a limit": {func(i *signing.Intent) { i.Solana.ComputeUnitPrice = "1" }, "without a compute_unit_limit"},
		"a price of nothing":      {func(i *signing.Intent) { budget(i); i.Solana.ComputeUnitPrice = "0" }, "left out"},
		"a price that is none":    {func(i *signing.Intent) { budget(i); i.Solana.ComputeUnitPrice = "-1" }, "compute_unit_price"},
	} {
		i := payment(c.change)
		if r := Check(i); r == nil || r.Kind != signing.RefusedForGood || r.Code != "malformed" || !strings.Contains(r.Reason, c.want) {
			t.Errorf("%s: %+v, want %q", name, r, c.want)
		}
		if raw, _, err := Sign(i, testKey(1)); err == nil {
			t.Errorf("%s: signed %x", name, raw)
		}
	}
}

func TestSigningIsDeterministicAndOnlyWithTheRightKey(t *testing.T) {
	i := payment(asToken)
	a, hashA := sign(t, i, testKey(1))
	b, hashB := sign(t, i, testKey(1))
	if !bytes.Equal(a, b) || hashA != hashB {
		t.Errorf("%x %s, then %x %s", a, hashA, b, hashB)
	}
	if _, _, err := Sign(i, testKey(2)); err == nil {
		t.Error("signed for an address of another key")
	}
}
