package evm

import (
	"math/big"
	"strings"
	"testing"

	"coffer.internal/signing"
)

const gas = 21_000

func policy(t *testing.T, p FeePolicy) FeePolicy {
	t.Helper()
	p, err := p.withDefaults(1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wei(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic("no number: " + s)
	}
	return n
}

func offers(maxFee, tip string) signing.Intent {
	return signing.Intent{EVM: &signing.EVMTransfer{MaxFeePerGas: maxFee, MaxPriorityFeePerGas: tip}}
}

func pays(price string) signing.Intent {
	return signing.Intent{EVM: &signing.EVMTransfer{GasPrice: price}}
}

func TestFeesFollowTheMarketAndOutbidWhatTheyReplace(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 256)
	now := market{base: big.NewInt(1000), tip: big.NewInt(100)}
	for _, c := range []struct {
		name        string
		policy      FeePolicy
		market      market
		replaces    []signing.Intent
		maxFee, tip string // or
		price       string // or
		wait        string // part of it
		l1          int64
	}{
		{name: "a new one", market: now, maxFee: "2100", tip: "100"},
		{name: "the tip has a floor", policy: FeePolicy{MinTip: big.NewInt(300)}, market: now, maxFee: "2300", tip: "300"},
		{name: "no base fee, no tip", market: market{base: new(big.Int), tip: new(big.Int)}, maxFee: "1", tip: "1"},
		{name: "a gas price", market: market{price: big.NewInt(900)}, price: "900"},

		{name: "it outbids both fields", market: now, replaces: []signing.Intent{offers("5000", "500")}, maxFee: "5500", tip: "550"},
		{name: "it rounds up", market: now, replaces: []signing.Intent{offers("5001", "501")}, maxFee: "5502", tip: "552"},
		{name: "by 1 wei at least", market: now, replaces: []signing.Intent{offers("3000", "0")}, maxFee: "3300", tip: "100"},
		{name: "by 1 wei where a tenth is nothing", market: market{base: new(big.Int), tip: new(big.Int)}, replaces: []signing.Intent{offers("1", "1")}, maxFee: "2", tip: "2"},
		{name: "also over nothing", market: market{price: new(big.Int)}, replaces: []signing.Intent{pays("0")}, price: "1"},
		{name: "the market is above the bump", market: now, replaces: []signing.Intent{offers("1200", "50")}, maxFee: "2100", tip: "100"},
		{name: "only the tip has to rise", market: now, replaces: []signing.Intent{offers("1200", "400")}, maxFee: "2440", tip: "440"},
		{name: "only the fee cap has to rise", market: now, replaces: []signing.Intent{offers("9000", "10")}, maxFee: "9900", tip: "100"},
		{name: "the highest of all on each field", market: now, replaces: []signing.Intent{offers("5000", "100"), offers("4000", "600")}, maxFee: "5500", tip: "660"},
		{name: "by more, where the chain asks for more", policy: FeePolicy{BumpPercent: 25}, market: now, replaces: []signing.Intent{offers("5000", "500")}, maxFee: "6250", tip: "625"},
		{name: "a gas price outbids a gas price", market: market{price: big.NewInt(900)}, replaces: []signing.Intent{pays("1001")}, price: "1102"},
		{name: "a gas price is replaced by a gas price, though the chain has base fees now", market: now, replaces: []signing.Intent{pays("3000")}, price: "3300"},
		{name: "and by what the next block takes", market: now, replaces: []signing.Intent{pays("100")}, price: "1100"},
		{name: "fees are replaced by fees, though the node says a gas price", market: market{price: big.NewInt(900)}, replaces: []signing.Intent{offers("5000", "500")}, maxFee: "5500", tip: "550"},
		{name: "what cannot be read is not replaced", market: now, replaces: []signing.Intent{{Nonce: 8}}, wait: "nonce 8"},
		{name: "nor what has no number", market: now, replaces: []signing.Intent{offers("x", "1")}, wait: "cannot be read"},

		{name: "under the cap it offers the cap", policy: FeePolicy{MaxPerGas: big.NewInt(1100)}, market: now, maxFee: "1100", tip: "100"},
		{name: "F30 the base fee is above the cap", policy: FeePolicy{MaxPerGas: gwei(100)}, market: market{base: gwei(310), tip: gwei(2)},
			wait: "the base fee is 310 gwei, above max_fee_per_gas = 100 gwei"},
		{name: "F30 base fee and tip are above the cap", policy: FeePolicy{MaxPerGas: big.NewInt(1099)}, market: now,
			wait: "base fee and priority fee are 0.0000011 gwei, above max_fee_per_gas = 0.000001099 gwei"},
		{name: "F30 the gas price is above the cap", policy: FeePolicy{MaxPerGas: gwei(1)}, market: market{price: wei("1000000001")},
			wait: "the gas price is 1.000000001 gwei, above max_fee_per_gas = 1 gwei"},
		{name: "F30 the bump is above the cap", policy: FeePolicy{MaxPerGas: big.NewInt(5499)}, market: now, replaces: []signing.Intent{offers("5000", "500")},
			wait: "outbidding what stands at the nonce takes"},
		{name: "F30 the bump of the tip is above the cap", policy: FeePolicy{MaxPerGas: big.NewInt(1540)}, market: now, replaces: []signing.Intent{offers("600", "500")},
			wait: "outbidding what stands at the nonce takes"},
		{name: "the bump is the cap", policy: FeePolicy{MaxPerGas: big.NewInt(5500)}, market: now, replaces: []signing.Intent{offers("5000", "500")}, maxFee: "5500", tip: "550"},
		{name: "F30 its fees are above the cap of one transaction", policy: FeePolicy{MaxFee: big.NewInt(1100*gas - 1)}, market: now, wait: "the fees of one transaction are"},
		{name: "under the cap of one transaction it offers what is left", policy: FeePolicy{MaxFee: big.NewInt(1150*gas + 5)}, market: now, maxFee: "1150", tip: "100"},
		{name: "what a rollup takes beside gas counts", policy: FeePolicy{MaxFee: big.NewInt(1150 * gas)}, market: now, l1: 30 * gas, maxFee: "1120", tip: "100"},
		{name: "F30 and can be too much", policy: FeePolicy{MaxFee: big.NewInt(1150 * gas)}, market: now, l1: 51 * gas, wait: "above max_fee = "},
		{name: "F30 or alone too much", policy: FeePolicy{MaxFee: big.NewInt(1150 * gas)}, market: now, l1: 1151 * gas, wait: "above max_fee = "},

		{name: "F37 an absurd base fee", market: market{base: huge, tip: big.NewInt(1)}, wait: "the base fee is"},
		{name: "F37 an absurd tip", market: market{base: big.NewInt(1), tip: huge}, wait: "base fee and priority fee are"},
		{name: "F37 an absurd gas price", market: market{price: huge}, wait: "the gas price is"},
	} {
		p := policy(t, c.policy)
		got, wait := p.choose(c.market, gas, big.NewInt(c.l1), c.replaces, false)
		if (wait == "") != (c.wait == "") || !strings.Contains(wait, c.wait) {
			t.Errorf("%s: waits for %q, not %q", c.name, wait, c.wait)
			continue
		}
		if c.wait != "" {
			if got != (fees{}) {
				t.Errorf("%s: %+v", c.name, got)
			}
			continue
		}
		if text(got.maxFee) != c.maxFee || text(got.tip) != c.tip || text(got.price) != c.price {
			t.Errorf("%s: %v, %v, %v", c.name, got.maxFee, got.tip, got.price)
		}
	}
}

func TestF37WithoutASettingThereAreCapsAllTheSame(t *testing.T) {
	p := policy(t, FeePolicy{})
	if inGwei(p.MaxPerGas) != "500 gwei" || inEther(p.MaxFee) != "1 ether" {
		t.Errorf("%+v", p)
	}
}

func text(n *big.Int) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// Whatever a node says and whatever is replaced: no fee is above a cap, no tip above its fee cap, and both fields are outbid.
func FuzzNoFeeIsAboveACapOrBelowTheBump(f *testing.F) {
	f.Add([]byte{0}, []byte{1}, []byte{2}, []byte{3}, []byte{4}, uint64(0))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []byte{9}, []byte{8, 8, 8, 8}, []byte{7, 7}, []byte{}, uint64(1<<63))
	f.Add([]byte{0x0b, 0xeb, 0xc2, 0x00}, []byte{0x3b, 0x9a, 0xca, 0x00}, []byte{0x77, 0x35, 0x94, 0x00}, []byte{0x3b, 0x9a, 0xca, 0x00}, []byte{1}, uint64(21000))
	f.Fuzz(func(t *testing.T, base, tip, oldFee, oldTip, l1 []byte, limit uint64) {
		limit = 21_000 + limit%maxGas
		number := func(b []byte) *big.Int { return new(big.Int).SetBytes(b[:min(len(b), 32)]) }
		p := policy(t, FeePolicy{})
		for _, m := range []market{{base: number(base), tip: number(tip)}, {price: number(base)}} {
			old, oldTip := offers(number(oldFee).String(), number(oldTip).String()), oldTip
			if m.price != nil {
				old, oldTip = pays(number(oldFee).String()), oldFee
			}
			got, wait := p.choose(m, limit, number(l1), []signing.Intent{old}, false)
			if wait != "" {
				continue
			}
			offer, tip := got.maxFee, got.tip
			if m.price != nil {
				offer, tip = got.price, got.price
			}
			if total := new(big.Int).Mul(offer, new(big.Int).SetUint64(limit)); offer.Cmp(p.MaxPerGas) > 0 || total.Add(total, number(l1)).Cmp(p.MaxFee) > 0 {
				t.Errorf("%v of gas at %v is above a cap", limit, offer)
			}
			if tip.Cmp(offer) > 0 {
				t.Errorf("a tip of %v under a fee cap of %v", tip, offer)
			}
			// As geth's pool compares (core/txpool/legacypool/list.go).
			threshold := func(n *big.Int) *big.Int { n = new(big.Int).Mul(n, big.NewInt(110)); return n.Div(n, big.NewInt(100)) }
			for _, f := range [][2]*big.Int{{number(oldFee), offer}, {number(oldTip), tip}} {
				if f[1].Cmp(f[0]) <= 0 || f[1].Cmp(threshold(f[0])) < 0 {
					t.Errorf("%v does not outbid %v", f[1], f[0])
				}
			}
		}
	})
}

func TestAmountsAreShownExactly(t *testing.T) {
	for n, want := range map[string]string{"0": "0 gwei", "1": "0.000000001 gwei", "1500000000": "1.5 gwei", "310000000000": "310 gwei"} {
		if got := inGwei(wei(n)); got != want {
			t.Errorf("%s is shown as %s, not %s", n, got, want)
		}
	}
	if got := inEther(wei("1050000000000000000")); got != "1.05 ether" {
		t.Errorf("shown as %s", got)
	}
}

// Only what offers less than the next block takes is outpriced, and one that does not keeps the others from it.
func TestF30WhatOffersLessThanTheNextBlockTakesIsOutpriced(t *testing.T) {
	offers := func(maxFee string) signing.Intent {
		return signing.Intent{EVM: &signing.EVMTransfer{MaxFeePerGas: maxFee, MaxPriorityFeePerGas: "1"}}
	}
	legacy := signing.Intent{EVM: &signing.EVMTransfer{GasPrice: "99"}}
	now := market{base: big.NewInt(100), tip: big.NewInt(5)}
	for name, c := range map[string]struct {
		intents []signing.Intent
		want    bool
	}{
		"nothing":         {nil, false},
		"less":            {[]signing.Intent{offers("99")}, true},
		"as much":         {[]signing.Intent{offers("100")}, false},
		"one of two":      {[]signing.Intent{offers("99"), offers("100")}, false},
		"both":            {[]signing.Intent{offers("99"), offers("98")}, true},
		"a lower price":   {[]signing.Intent{legacy}, true},
		"nothing to read": {[]signing.Intent{{}}, false},
	} {
		if got := now.outprices(c.intents); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !(market{price: big.NewInt(100)}).outprices([]signing.Intent{legacy}) {
		t.Error("a chain without base fees outprices nothing")
	}
}
