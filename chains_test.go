package coffer

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/config"
	"coffer.internal/signing"
)

// What coffer.toml says about fees is what the adapter holds to, and when to bump is what the engine gets.
func TestTheFeesOfTheConfigurationReachTheChain(t *testing.T) {
	n, err := gethnode.Start(gethnode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	setup := func(fees config.Fees) (chain.Chain, time.Duration) {
		t.Helper()
		setups, err := chains(Config{Chains: []Chain{{
			Type: "evm", ID: n.ChainID(), RPC: []string{n.URL()}, WS: []string{n.WSURL()}, Confirmations: 1, Fees: fees,
		}}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return setups[0].Chain, setups[0].BumpAfter
	}
	for key, fees := range map[string]config.Fees{
		"max_fee_per_gas = 0.000000001 gwei": {MaxPerGas: big.NewInt(1)},
		"max_fee = 0.000000000000000001":     {Max: big.NewInt(1)},
		"max_fee_per_gas = 500 gwei":         {MinPriority: big.NewInt(500e9)},
	} {
		c, _ := setup(fees)
		f, err := c.Funds(t.Context(), nil, nil)
		if err != nil || !strings.Contains(f.Wait, key) {
			t.Errorf("%s: %q, %v", key, f.Wait, err)
		}
	}
	c, after := setup(config.Fees{BumpPercent: 50, BumpAfter: 7 * time.Second})
	const who = "0x52908400098527886E0F7030069857D2E4169EE7"
	order := chain.Order{ChainID: n.ChainID(), From: who, Payment: chain.Payment{To: who, Amount: new(big.Int)}}
	order.Replaces = []signing.Intent{{EVM: &signing.EVMTransfer{MaxFeePerGas: "90000000000", MaxPriorityFeePerGas: "80000000000"}}}
	drafts, err := c.Draft(t.Context(), []chain.Order{order})
	if err != nil || after != 7*time.Second || drafts[0].Intent.EVM.MaxPriorityFeePerGas != "120000000000" {
		t.Errorf("%+v, %s, %v", drafts, after, err)
	}
	if _, after = setup(config.Fees{}); after != bumpAfter {
		t.Errorf("bumps after %s", after)
	}
	if _, tells := c.(chain.Heads); !tells {
		t.Error("nobody can hear its blocks")
	}
}
