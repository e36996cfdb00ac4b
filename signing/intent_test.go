package signing

import (
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// intents are one of each kind.
func intents() map[string]Intent {
	frame := Intent{Version: Version, Ledger: "l", Payment: "p-<1>", Purpose: PurposePayment, From: "from", Nonce: 7}
	evm, token, btc, sol, spl := frame, frame, frame, frame, frame
	evm.EVM = &EVMTransfer{To: "to", Amount: "1000", GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"}
	token.EVM = &EVMTransfer{To: "to", Amount: "1000", Contract: "usdt", GasLimit: 60000, GasPrice: "12"}
	btc.BTC = &BTCTransfer{To: "to", Amount: "150000", MaxFee: "1000", PSBT: []byte("psbt\xff<>")}
	sol.Solana = &SolanaTransfer{To: "to", Amount: "5", RecentBlockhash: "b", LastValidBlockHeight: 300, Attempt: 1}
	spl.Solana = &SolanaTransfer{
		To: "to", Amount: "5", Mint: "usdc", Decimals: 6, TokenProgram: "token", CreateRecipientAccount: true,
		ComputeUnitLimit: 60_001, ComputeUnitPrice: "25000", RecentBlockhash: "b", LastValidBlockHeight: 300, Attempt: 1,
	}
	return map[string]Intent{"EVM": evm, "ERC-20": token, "Bitcoin": btc, "SOL": sol, "SPL": spl}
}

func TestAnIntentIsReadAsItWasWritten(t *testing.T) {
	seen := map[Digest]bool{}
	for name, i := range intents() {
		got, err := Parse(i.Canonical())
		if err != nil || !cmp.Equal(got, i) || got.Digest() != i.Digest() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if seen[i.Digest()] {
			t.Errorf("%s has the digest of another", name)
		}
		seen[i.Digest()] = true
		for _, part := range []string{"evm", "btc", "solana"} {
			there := map[string]bool{"evm": i.EVM != nil, "btc": i.BTC != nil, "solana": i.Solana != nil}[part]
			if strings.Contains(string(i.Canonical()), `"`+part+`":`) != there {
				t.Errorf("%s: the part %s: %s", name, part, i.Canonical())
			}
		}
	}
}

func TestAPSBTHasOneEncodingInAnIntent(t *testing.T) {
	good := string(intents()["Bitcoin"].Canonical())
	for name, bad := range map[string]string{
		"without its padding": strings.Replace(good, `=="`, `"`, 1),
		"as an array":         strings.Replace(good, `"cHNidP88Pg=="`, `[112]`, 1),
		"with a line break":   strings.Replace(good, `cHNi`, `cHNi\n`, 1),
	} {
		if bad == good {
			t.Fatalf("%s: the intent has another form than this test thinks: %s", name, good)
		}
		if i, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", name, i)
		}
	}
}

func TestTheMostThatAnIntentTakes(t *testing.T) {
	for name, want := range map[string]struct {
		native   int64
		contract string
		token    int64
	}{
		"EVM":     {21000*30 + 1000, "", 0},
		"ERC-20":  {60000 * 12, "usdt", 1000},
		"Bitcoin": {151_000, "", 0},
		"SOL":     {5_000 + 5, "", 0},
		"SPL":     {5_000 + 1_501 + 2_039_280, "usdc", 5}, // 60,001 units at 25,000 micro-lamports are 1,500.025 lamports
	} {
		native, contract, token := intents()[name].Most()
		if token == nil {
			token = new(big.Int)
		}
		if native.Int64() != want.native || contract != want.contract || token.Int64() != want.token {
			t.Errorf("%s: %s, %q %s, want %+v", name, native, contract, token, want)
		}
	}
}
