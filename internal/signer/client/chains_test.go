package client_test

import (
	"testing"

	"github.com/gagliardetto/solana-go"
	"github.com/mr-tron/base58"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

// verifyAny is what coffer does with an answer.
func verifyAny(i signing.Intent, raw []byte) (string, error) {
	switch i.ChainType {
	case "btc":
		return btctx.Verify(i, raw)
	case "solana":
		return soltx.Verify(i, raw)
	}
	return verify(i, raw)
}

// A whole round: a key is made, a payment of it is asked for over the socket, the answer is held against what was asked, and read by
// a library that the machine does not use.
func TestPaymentsOfEachChainGoThroughTheClient(t *testing.T) {
	_, addr := serve(t)
	c, err := client.Dial(addr, verifyAny)
	if err != nil {
		t.Fatal(err)
	}
	key := func(chainType string, chainID int64) string {
		k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: chainType, ChainID: chainID})
		if err != nil {
			t.Fatal(err)
		}
		return k.Address
	}
	btc := btctest.Payment{
		ChainID: 3, From: key("btc", 3), To: "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk", Amount: 150_000, Fee: 1_000, Each: 3_000,
		Ledger: ledger, ID: "b",
	}
	for n := range 55 { // about as many as an intent has room for
		btc.Outputs = append(btc.Outputs, "output "+string(rune('A'+n)))
	}
	stolen := btc
	stolen.ID, stolen.Nonce = "rival", 1
	sol := signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: "s", Purpose: signing.PurposePayment, ChainType: "solana", ChainID: 104, From: key("solana", 104),
		Solana: &signing.SolanaTransfer{
			To: "HAgk14JpMQLgt6rVgv7cBQFJWFto5Dqxi472uT3DKpqk", Amount: "1250000", Mint: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", Decimals: 6,
			TokenProgram: "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", CreateRecipientAccount: true, ComputeUnitLimit: 60_000, ComputeUnitPrice: "1000",
			RecentBlockhash: base58.Encode(make([]byte, 32)), LastValidBlockHeight: 300, Attempt: 1,
		},
	}
	intents := []signing.Intent{btc.Intent(), sol, stolen.Intent(), payments(key("evm", 1), 1)[0]}
	answers, err := c.Sign(t.Context(), signing.BatchOf(intents...))
	if err != nil {
		t.Fatal(err)
	}
	for n, a := range answers {
		if n == 2 {
			if a.Refusal == nil || a.Refusal.Code != "input_bound" || a.Refusal.Kind != signing.RefusedAsConflict {
				t.Errorf("a second payment out of the same outputs got %+v", a)
			}
			continue
		}
		if a.Refusal != nil || len(a.Raw) == 0 || a.Hash == "" {
			t.Errorf("answer %d: %+v", n, a.Refusal)
		}
	}
	paid := btctest.Judge(t, "../../..", []btctest.Question{{Intent: intents[0], Raw: answers[0].Raw}})[0]
	if !paid.Valid || paid.ID != answers[0].Hash || len(paid.Inputs) != len(btc.Outputs) || paid.Outputs[0] != btc.To+" 150000" || paid.Outputs[1] != btc.From+" 14000" {
		t.Errorf("@scure/btc-signer finds %+v", paid)
	}
	moved, err := solana.TransactionFromBytes(answers[1].Raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := moved.VerifySignatures(); err != nil || moved.Signatures[0].String() != answers[1].Hash {
		t.Errorf("solana-go: %v, %s", err, moved.Signatures)
	}
	t.Logf("the Bitcoin intent has %d bytes", len(intents[0].Canonical()))
}
