package btctx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/psbt"

	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/signing"
)

func TestBtcSignerVerifiesOurTransactionsAndMakesTheSame(t *testing.T) {
	p := payment(t)
	var cases []btctest.Payment
	for _, to := range recipients {
		p := p
		p.To = to
		cases = append(cases, p)
	}
	for chainID, to := range map[int64]string{0: "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", 1: recipients["P2PKH"], 2: recipients["P2SH"]} {
		p := p
		p.ChainID, p.From, p.To = chainID, addressOf(t, chainID, testKey(1)), to
		cases = append(cases, p)
	}
	for n := 1; n <= 20; n++ {
		p := p
		p.Outputs, p.Amount = nil, int64(n)*99_000
		for k := range n {
			p.Outputs = append(p.Outputs, fmt.Sprint("output ", n, k))
		}
		cases = append(cases, p)
	}
	var intents []signing.Intent
	for _, c := range cases {
		intents = append(intents, c.Intent(), with(c, func(k *psbt.Packet) { spendParent(c, k); k.UnsignedTx.LockTime = 870_000 }))
	}
	var questions []btctest.Question
	var hashes []string
	for _, i := range intents {
		raw, hash, err := Sign(i, testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		questions, hashes = append(questions, btctest.Question{Intent: i, Raw: raw, Key: testKey(1).Serialize()}), append(hashes, hash)
	}
	for n, got := range btctest.Judge(t, "../../..", questions) {
		i := intents[n]
		want := btctest.Judgement{Inputs: Inputs(i), Valid: true, Same: true, ID: hashes[n]}
		if len(got.Outputs) == 0 || got.Outputs[0] != i.BTC.To+" "+i.BTC.Amount || len(got.Outputs) > 1 && !strings.HasPrefix(got.Outputs[1], i.From+" ") {
			t.Errorf("payment %d of %s to %s pays %v", n, i.BTC.Amount, i.BTC.To, got.Outputs)
		}
		got.Outputs = nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("payment %d:\n got %+v\nwant %+v", n, got, want)
		}
	}
	t.Logf("@scure/btc-signer: %d transactions read, their signatures verified, and made again byte for byte", len(intents))
}
