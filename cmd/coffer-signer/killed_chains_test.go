package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mr-tron/base58"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// bitcoin is one of few payments at one of few numbers, which spends one or two of few outputs: rivals everywhere.
func bitcoin(from string, base int) signing.Intent {
	output := func() string { return fmt.Sprint("output ", base+rand.IntN(60)) }
	p := btctest.Payment{
		ChainID: 3, From: from, To: "bcrt1qlk935ze2fsu86zjp395uvtegztrkaezawxx0wf", Amount: 1_000 + rand.Int64N(2), Fee: 500, Each: 5_000,
		Outputs: []string{output()}, Ledger: ledger, ID: fmt.Sprint("b-", base+rand.IntN(60)), Nonce: uint64(base + rand.IntN(60)),
	}
	if more := output(); more != p.Outputs[0] {
		p.Outputs = append(p.Outputs, more)
	}
	return p.Intent()
}

// solana is one of few payments at one of few numbers, of one of few amounts with one of two blockhashes, sometimes as a second
// attempt: some that differ for coffer would be one transaction for the chain.
func solana(from string, base int) signing.Intent {
	blockhash := sha256.Sum256([]byte{byte(rand.IntN(2))})
	i := signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: fmt.Sprint("s-", base+rand.IntN(60)), Purpose: signing.PurposePayment,
		ChainType: derive.Solana, ChainID: 104, From: from, Nonce: uint64(base + rand.IntN(60)),
		Solana: &signing.SolanaTransfer{
			To: "HAgk14JpMQLgt6rVgv7cBQFJWFto5Dqxi472uT3DKpqk", Amount: fmt.Sprint(1_000 + base + rand.IntN(60)), RecentBlockhash: base58.Encode(blockhash[:]),
			LastValidBlockHeight: 300, Attempt: 1,
		},
	}
	if rand.IntN(20) == 0 {
		i.Solana.Attempt = 2
	}
	return i
}

func TestF34AKilledMachineAnswersTheSameOnBitcoinAndSolana(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 10
	}
	p := newProcess(t)
	c := p.client()
	from := map[string]string{}
	for chainType, chainID := range map[string]int64{derive.BTC: 3, derive.Solana: 104} {
		k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: chainType, ChainID: chainID})
		if err != nil {
			t.Fatal(err)
		}
		from[chainType] = k.Address
	}
	r := newRecord(func(i signing.Intent) []string {
		uses := number(i)
		if i.BTC != nil {
			for _, in := range btctx.Inputs(i) {
				uses = append(uses, "input "+in)
			}
		}
		if i.Solana != nil {
			uses = append(uses, soltx.Inputs(i)...)
		}
		return uses
	})
	p.killInTheMiddle(r, c, rounds, func(round int) signing.Intent {
		if rand.IntN(2) == 0 {
			return bitcoin(from[derive.BTC], round*30)
		}
		return solana(from[derive.Solana], round*30)
	})
	for _, f := range r.failures {
		t.Error(f)
	}
	signed := map[string]int{}
	for _, i := range r.asked {
		if r.answers[i.Digest()].Refusal == nil {
			signed[i.ChainType]++
		}
	}
	if signed[derive.BTC] == 0 || signed[derive.Solana] == 0 {
		t.Errorf("signed by chain: %v", signed)
	}
}
