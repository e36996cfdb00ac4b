package evm_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/fault"
)

// withFees is the world's chain with a policy.
func (w *town) withFees(t *testing.T, p evm.FeePolicy) *evm.Chain {
	t.Helper()
	c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.proxy.URL()}, Confirmations: confirmations, Fees: p})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// pay has one payment mined with a tip.
func (w *town) pay(t *testing.T, tip int64) {
	t.Helper()
	tx := w.payment(t, w.Chain, "tip", "")
	tx.Intent.EVM.MaxPriorityFeePerGas, tx.Intent.EVM.MaxFeePerGas = big.NewInt(tip).String(), big.NewInt(100*params.GWei).String()
	tx.Raw, tx.Hash = w.Sign(t, tx.Intent)
	w.expect(t, w.Chain, tx, chain.Accepted)
	w.Mine(t, 1)
	w.Nonce++
}

func (w *town) tipNow(t *testing.T, c chain.Chain) string {
	t.Helper()
	return w.payment(t, c, "probe", "").Intent.EVM.MaxPriorityFeePerGas
}

func TestTheTipIsWhatWasPaidInRecentBlocksAndTheNodesOwnAdviceWhereNobodyPaid(t *testing.T) {
	for name, start := range map[string]func(*testing.T, map[common.Address]*big.Int) node{"geth": startGeth, "anvil": startAnvil} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, start)
			for range 2 {
				w.pay(t, 7*params.GWei)
			}
			w.Mine(t, 5) // empty blocks say nothing
			if got := w.tipNow(t, w.Chain); got != "7000000000" {
				t.Errorf("tip %s", got)
			}
			if got := w.tipNow(t, w.withFees(t, evm.FeePolicy{MinTip: big.NewInt(8 * params.GWei)})); got != "8000000000" {
				t.Errorf("with a floor: tip %s", got)
			}
			w.Mine(t, 10)
			w.proxy.Lie(answer("eth_maxPriorityFeePerGas", `"0x77359400"`))
			if got := w.tipNow(t, w.Chain); got != "2000000000" {
				t.Errorf("after empty blocks: tip %s", got)
			}
		})
	}
}

func TestThePercentileAndTheBlocksAreAskedFor(t *testing.T) {
	w := newTown(t, startGeth)
	for _, tip := range []int64{1, 1, 1, 9, 9, 9} {
		w.pay(t, tip*params.GWei)
	}
	if got := w.tipNow(t, w.withFees(t, evm.FeePolicy{Blocks: 3})); got != "9000000000" {
		t.Errorf("of three blocks: tip %s", got)
	}
	// Two in one block: the lowest and the highest percentile.
	cheap, dear := w.payment(t, w.Chain, "cheap", ""), w.payment(t, w.Chain, "dear", "")
	cheap.Intent.EVM.MaxPriorityFeePerGas, dear.Intent.EVM.MaxPriorityFeePerGas = "3000000000", "5000000000"
	cheap.Intent.EVM.MaxFeePerGas, dear.Intent.EVM.MaxFeePerGas = "50000000000", "50000000000"
	dear.Intent.Nonce++
	for _, tx := range []*chain.Tx{&cheap, &dear} {
		tx.Raw, tx.Hash = w.Sign(t, tx.Intent)
		w.expect(t, w.Chain, *tx, chain.Accepted)
	}
	w.Mine(t, 1)
	w.Nonce += 2
	for percentile, want := range map[int]string{1: "3000000000", 100: "5000000000"} {
		if got := w.tipNow(t, w.withFees(t, evm.FeePolicy{Blocks: 1, Percentile: percentile})); got != want {
			t.Errorf("percentile %d: tip %s, not %s", percentile, got, want)
		}
	}
}

// Of three the middle one, of two the lower: a node that overstates costs no money.
func TestANodeThatOverstatesFeesCostsNothing(t *testing.T) {
	w := newTown(t, startGeth)
	w.Mine(t, 12)
	proxies, c := more(t, w, 2)
	usual := w.tipNow(t, w.Chain)
	proxies[0].Lie(answer("eth_maxPriorityFeePerGas", `"0x174876e800"`)) // 100 gwei
	if got := w.tipNow(t, c); got != usual {
		t.Errorf("a tip of %s, not %s", got, usual)
	}
}

// F30: real blocks whose base fee rises above the cap and falls again.
func TestF30AboveTheCapItWaitsAndGoesOnWhenTheBaseFeeHasFallen(t *testing.T) {
	w := newTown(t, startAnvil)
	c := w.withFees(t, evm.FeePolicy{MaxPerGas: big.NewInt(100 * params.GWei)})
	first := w.payment(t, c, "one", "")
	w.call(t, "anvil_setNextBlockBaseFeePerGas", "0x482d709c00") // 310 gwei
	w.Mine(t, 1)
	again := w.order(t, "one", "", first.Intent.EVM.To)
	again.Replaces = append(again.Replaces, first.Intent)
	for _, o := range []chain.Order{w.order(t, "new", "", w.Recipient(t)), again} {
		drafts, err := c.Draft(t.Context(), []chain.Order{o})
		must(t, err)
		if got := drafts[0]; !strings.HasPrefix(got.Wait, "the base fee is 27") || !strings.HasSuffix(got.Wait, " gwei, above max_fee_per_gas = 100 gwei") {
			t.Errorf("%+v", got)
		}
	}
	f, err := c.Funds(t.Context(), []string{w.Payer}, nil)
	must(t, err)
	if !strings.Contains(f.Wait, "max_fee_per_gas = 100 gwei") {
		t.Errorf("%+v", f)
	}
	w.Mine(t, 12)
	if f, err = c.Funds(t.Context(), []string{w.Payer}, nil); err != nil || f.Wait != "" {
		t.Errorf("%+v, %v", f, err)
	}
	// Under the cap by base fee and tip, but not by twice the base fee: it offers the cap.
	if e := w.payment(t, c, "two", "").Intent.EVM; e.MaxFeePerGas != "100000000000" {
		t.Errorf("%+v", e)
	}
}

func TestF30NothingIsBoundWhileTheBaseFeeIsAboveTheCap(t *testing.T) {
	w := newTown(t, startGeth)
	w.proxy.Lie(answer("eth_feeHistory", `{"baseFeePerGas":["0x482d709c00"],"reward":[]}`)) // 310 gwei
	c := w.withFees(t, evm.FeePolicy{MaxPerGas: big.NewInt(100 * params.GWei)})
	f, err := c.Funds(t.Context(), []string{w.Payer}, nil)
	must(t, err)
	if f.Wait != "the base fee is 310 gwei, above max_fee_per_gas = 100 gwei" || f.Native[w.Payer].Sign() <= 0 {
		t.Errorf("%+v", f)
	}
	w.proxy.Lie(nil)
	if f, err = c.Funds(t.Context(), []string{w.Payer}, nil); err != nil || f.Wait != "" {
		t.Errorf("%+v, %v", f, err)
	}
}

// F37: whatever a node says about fees, nothing is drafted above a cap, and nothing breaks.
func TestF37AbsurdFeesOfANodeDraftNothingAboveTheCap(t *testing.T) {
	w := newTown(t, startGeth)
	c := w.withFees(t, evm.FeePolicy{MaxPerGas: big.NewInt(100 * params.GWei)})
	most := strings.Repeat("f", 64)
	said := []string{
		`"0x` + most + `"`, `"0x1` + most + `"`, `"-0x1"`, `"0x"`, `null`, `[]`, `{}`, `7`, `"seven"`, `"0x0"`, `"0x174876e801"`,
	}
	for _, n := range said {
		for _, method := range []string{"eth_maxPriorityFeePerGas", "eth_gasPrice"} {
			w.heldBelow(t, c, method, n)
		}
		w.heldBelow(t, c, "eth_feeHistory", `{"baseFeePerGas":[`+n+`],"reward":[]}`)
		w.heldBelow(t, c, "eth_feeHistory", `{"baseFeePerGas":["0x7","0x7"],"reward":[[`+n+`]]}`)
		w.heldBelow(t, c, "eth_feeHistory", `{"baseFeePerGas":["0x7","0x7"],"reward":[`+n+`]}`)
		w.heldBelow(t, c, "eth_feeHistory", n)
		w.heldBelow(t, c, "eth_estimateGas", n)
	}
}

func (w *town) heldBelow(t *testing.T, c chain.Chain, method, result string) {
	t.Helper()
	w.proxy.Lie(answer(method, result))
	defer w.proxy.Lie(nil)
	drafts, err := c.Draft(t.Context(), []chain.Order{w.order(t, "one", "", w.Payer)})
	if err != nil {
		if !errors.Is(err, fault.Unreachable) {
			t.Errorf("%s = %s: %v", method, result, err)
		}
		return
	}
	if e := drafts[0].Intent.EVM; drafts[0].Wait == "" {
		offer, ok := new(big.Int).SetString(e.MaxFeePerGas+e.GasPrice, 10)
		if !ok || offer.Cmp(big.NewInt(100*params.GWei)) > 0 || e.GasLimit > 1<<24 {
			t.Errorf("%s = %s: %+v", method, result, e)
		}
	}
	if _, err := c.Funds(t.Context(), []string{w.Payer}, nil); err != nil && !errors.Is(err, fault.Unreachable) {
		t.Errorf("%s = %s: %v", method, result, err)
	}
}

// oracle stands for the OP stack's: of getL1Fee(bytes) alone, it answers 10^12 wei for each byte.
var oracle = common.FromHex("0x60003560e01c6349948e0e1460243564e8d4a51000020260005260206000f3")

var oracleAt = common.HexToAddress("0x420000000000000000000000000000000000000F")

func TestARollupsL1FeeIsInWhatAPaymentMayCost(t *testing.T) {
	w := newTown(t, func(t *testing.T, alloc map[common.Address]*big.Int) node {
		return startGethWith(t, gethnode.Options{Alloc: alloc, Code: map[common.Address][]byte{oracleAt: oracle}})
	})
	rollup := w.withFees(t, evm.FeePolicy{L1: evm.OPStack})
	without, err := w.Chain.Funds(t.Context(), []string{w.Payer}, []string{w.Token})
	must(t, err)
	with, err := rollup.Funds(t.Context(), []string{w.Payer}, []string{w.Token})
	must(t, err)
	bytes := func(contract string) int64 {
		more := new(big.Int).Sub(with.MaxFee[contract], without.MaxFee[contract])
		return more.Div(more, big.NewInt(2e12)).Int64() // twice what it says
	}
	// An unsigned transfer of coin is about 70 bytes, one of a token 70 more.
	if coin, token := bytes(""), bytes(w.Token); coin < 65 || coin > 100 || token-coin < 60 || token-coin > 80 {
		t.Errorf("as if of %d and %d bytes", coin, token)
	}
	// It counts for the cap on the whole.
	o := w.order(t, "one", "", w.Recipient(t))
	least := new(big.Int).Mul(big.NewInt(2e12), big.NewInt(bytes("")))
	drafts, err := w.withFees(t, evm.FeePolicy{L1: evm.OPStack, MaxFee: least}).Draft(t.Context(), []chain.Order{o})
	must(t, err)
	if !strings.Contains(drafts[0].Wait, "above max_fee = ") {
		t.Errorf("%+v", drafts[0])
	}
}

func TestAChainWithoutTheRollupsOracleSaysSo(t *testing.T) {
	w := newTown(t, startGeth)
	_, err := w.withFees(t, evm.FeePolicy{L1: evm.OPStack}).Funds(t.Context(), nil, nil)
	if !errors.Is(err, fault.Unreachable) || !strings.Contains(err.Error(), `l1_fee = "op-stack"`) {
		t.Errorf("%v", err)
	}
}

func TestAPolicyThatCannotBeMeantIsRefused(t *testing.T) {
	for key, p := range map[string]evm.FeePolicy{
		"fee_percentile":   {Percentile: 101},
		"fee_blocks":       {Blocks: -1},
		"bump_percent":     {BumpPercent: 9},
		"max_fee_per_gas":  {MaxPerGas: big.NewInt(-1)},
		"max_fee":          {MaxFee: new(big.Int).Lsh(big.NewInt(1), 200)},
		"min_priority_fee": {MinTip: big.NewInt(3), MaxPerGas: big.NewInt(2)},
		"l1_fee":           {L1: "zk"},
	} {
		_, err := evm.New(evm.Options{ChainID: 1, RPC: []string{"http://127.0.0.1:1"}, Confirmations: 1, Fees: p})
		if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// The fees on a chain whose nodes lack a method are what the others of its methods say.
func TestWithoutTheNewestMethodsTheOlderOnesSayTheFees(t *testing.T) {
	w := newTown(t, startGeth)
	gone := json.RawMessage(`{"code":-32601,"message":"the method does not exist"}`)
	w.proxy.Lie(answer("eth_gasPrice", `"0x2540be400"`)) // 10 gwei
	w.proxy.Fail("eth_feeHistory", gone)
	w.proxy.Fail("eth_maxPriorityFeePerGas", gone)
	e := w.payment(t, w.Chain, "one", "").Intent.EVM
	tip, _ := new(big.Int).SetString(e.MaxPriorityFeePerGas, 10)
	offer, _ := new(big.Int).SetString(e.MaxFeePerGas, 10)
	if tip == nil || offer == nil || tip.Cmp(big.NewInt(9*params.GWei)) < 0 || offer.Cmp(tip) <= 0 {
		t.Errorf("%+v", e)
	}
}
