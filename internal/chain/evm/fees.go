package evm

import (
	"fmt"
	"math/big"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

// FeePolicy says how much a chain's transactions may cost. A zero field has its default. This file only computes; market.go asks.
type FeePolicy struct {
	// Percentile of the priority fees paid in each of the last Blocks blocks; the middle one of these is the priority fee of a new
	// transaction. Default: 50, of 10 blocks.
	Percentile, Blocks int
	MinTip             *big.Int // the least priority fee, in wei; default 1, because geth takes no transaction with none
	MaxPerGas          *big.Int // the most for a unit of gas, in wei; default 500 gwei
	MaxFee             *big.Int // the most that one transaction can cost in fees, in wei; default 1 ether
	// BumpPercent is by how much a replacement outbids what it replaces, on each fee field; default 10, what geth asks for at least.
	BumpPercent int
	L1          L1Fee // what a rollup takes beside gas; default: nothing
}

// L1Fee is a way in which a rollup charges for the bytes that it writes to Ethereum.
type L1Fee string

// OPStack asks the GasPriceOracle, a contract that every chain of the OP stack has.
const OPStack L1Fee = "op-stack"

// leastBump is what geth's pool asks for, in percent.
const leastBump = 10

// mostBits bounds what a policy may say: sums and products of it stay far below 2^256.
const mostBits = 128

func gwei(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e9)) }

// withDefaults fills what is not set, and refuses what cannot be meant.
func (p FeePolicy) withDefaults(chainID int64) (FeePolicy, error) {
	orInt := func(n *int, preset int) {
		if *n == 0 {
			*n = preset
		}
	}
	orBig := func(n **big.Int, preset *big.Int) {
		if *n == nil || (*n).Sign() == 0 {
			*n = preset
		}
	}
	orInt(&p.Percentile, 50)
	orInt(&p.Blocks, 10)
	orInt(&p.BumpPercent, leastBump)
	orBig(&p.MinTip, big.NewInt(1))
	orBig(&p.MaxPerGas, gwei(500))
	orBig(&p.MaxFee, gwei(1e9))
	bad := func(key string, got any, want string) (FeePolicy, error) {
		return FeePolicy{}, fault.New(fault.Usage, "bad_fees", "correct the chain's fees in coffer.toml (docs/fees.md)",
			"chain evm %d: %s = %v must be %s", chainID, key, got, want)
	}
	switch {
	case p.Percentile < 1 || p.Percentile > 100:
		return bad("fee_percentile", p.Percentile, "from 1 to 100")
	case p.Blocks < 1 || p.Blocks > 1024:
		return bad("fee_blocks", p.Blocks, "from 1 to 1024")
	case p.BumpPercent < leastBump || p.BumpPercent > 1000:
		return bad("bump_percent", p.BumpPercent, "from 10 to 1000")
	case p.MaxPerGas.Sign() < 0 || p.MaxPerGas.BitLen() > mostBits:
		return bad("max_fee_per_gas", p.MaxPerGas, "above 0 and below 2^128 wei")
	case p.MaxFee.Sign() < 0 || p.MaxFee.BitLen() > mostBits:
		return bad("max_fee", p.MaxFee, "above 0 and below 2^128 wei")
	case p.MinTip.Sign() < 0 || p.MinTip.Cmp(p.MaxPerGas) > 0:
		return bad("min_priority_fee", p.MinTip, "from 0 to max_fee_per_gas")
	case p.L1 != "" && p.L1 != OPStack:
		return bad("l1_fee", p.L1, `"op-stack" or left out`)
	}
	return p, nil
}

// fees are what a transaction offers for a unit of gas, in wei: EIP-1559's max fee and max priority fee, or a legacy chain's
// gas price. Either the two or the one is set.
type fees struct{ maxFee, tip, price *big.Int }

// market is what gas costs on a chain now.
type market struct {
	base, tip *big.Int // the next block's base fee, and a usual priority fee; nil on a chain without base fees
	price     *big.Int // the gas price of such a chain
	// l1Coin and l1Token are what a payment of the chain's coin, or of a token, takes beside gas.
	l1Coin, l1Token *big.Int
}

func (m market) l1(contract string) *big.Int {
	if contract == "" {
		return m.l1Coin
	}
	return m.l1Token
}

// outprices says whether each of some intents offers less than the next block takes.
func (m market) outprices(intents []signing.Intent) bool {
	least := m.price
	if least == nil {
		least = m.base
	}
	for _, i := range intents {
		if offer, _, ok := offered(i); !ok || offer.Cmp(least) >= 0 {
			return false
		}
	}
	return len(intents) > 0
}

// choose gives the fees of a transaction with this gas limit that takes l1 beside gas, and outbids those that it replaces; or why there
// are none now.
//
// A new transaction offers twice the next block's base fee: it rises by an eighth per full block at most, so the transaction
// stays payable through six full blocks (1.125^6 ≈ 2.03) without being replaced, and what is above the base fee of its block is
// not spent. One that is sent late offers lateFactor times as much. Under a cap it offers less, but never less than the next block takes, nor than what it replaces is outbid by.
func (p FeePolicy) choose(m market, gas uint64, l1 *big.Int, replaced []signing.Intent, late bool) (fees, string) {
	bid, why := p.outbid(replaced)
	if why != "" {
		return fees{}, why
	}
	if len(replaced) > 0 {
		m = p.inKind(m, replaced[0].EVM.GasPrice != "")
	}
	tip := larger(p.tip(m), bid.tip)
	least, best := m.price, m.price
	if m.price == nil {
		least = new(big.Int).Add(m.base, tip)
		best = new(big.Int).Add(m.base, least)
	}
	if late {
		best = new(big.Int).Mul(best, big.NewInt(lateFactor))
	}
	least, best = larger(least, bid.maxFee), larger(best, bid.maxFee)
	if why := p.tooDear(m, least, gas, l1); why != "" {
		return fees{}, why
	}
	offer := smaller(best, p.most(gas, l1))
	if m.price != nil {
		return fees{price: offer}, ""
	}
	return fees{maxFee: offer, tip: tip}, ""
}

// authorized is the policy with the cap on one transaction's fees that its payment was authorized with, where that is lower.
func (p FeePolicy) authorized(most *big.Int) FeePolicy {
	if most != nil && most.Cmp(p.MaxFee) < 0 {
		p.MaxFee = most
	}
	return p
}

// lateFactor is how much more a transaction offers that is sent hours or days after it was drafted: base fees differ by as much between
// a quiet and a busy day.
const lateFactor = 4

// inKind is the market as a legacy transaction, or one of EIP-1559, meets it: a replacement is of the kind of what it replaces, on
// whatever chain (the signing machine signs no other).
func (p FeePolicy) inKind(m market, legacy bool) market {
	switch {
	case legacy && m.price == nil: // a gas price is paid whole, so it is what the next block takes
		return market{price: new(big.Int).Add(m.base, p.tip(m))}
	case !legacy && m.price != nil:
		return market{base: m.price, tip: new(big.Int)}
	}
	return m
}

// tip is the priority fee of a new transaction.
func (p FeePolicy) tip(m market) *big.Int {
	if m.tip == nil {
		return new(big.Int)
	}
	return larger(m.tip, p.MinTip)
}

// most is the most that a unit of gas may cost under both caps.
func (p FeePolicy) most(gas uint64, l1 *big.Int) *big.Int {
	left := new(big.Int).Sub(p.MaxFee, l1)
	if left.Sign() < 0 {
		return new(big.Int)
	}
	return smaller(p.MaxPerGas, left.Div(left, new(big.Int).SetUint64(gas)))
}

// tooDear says which cap is below the least that a transaction has to offer.
func (p FeePolicy) tooDear(m market, least *big.Int, gas uint64, l1 *big.Int) string {
	if least.Cmp(p.MaxPerGas) > 0 {
		what, n := "outbidding what stands at the nonce takes", least
		switch {
		case m.price != nil && m.price.Cmp(p.MaxPerGas) > 0:
			what, n = "the gas price is", m.price
		case m.price == nil && m.base.Cmp(p.MaxPerGas) > 0:
			what, n = "the base fee is", m.base
		case m.price == nil:
			if both := new(big.Int).Add(m.base, p.tip(m)); both.Cmp(p.MaxPerGas) > 0 {
				what, n = "base fee and priority fee are", both
			}
		}
		return fmt.Sprintf("%s %s, above max_fee_per_gas = %s", what, inGwei(n), inGwei(p.MaxPerGas))
	}
	total := new(big.Int).Mul(least, new(big.Int).SetUint64(gas))
	if total.Add(total, l1).Cmp(p.MaxFee) > 0 {
		return fmt.Sprintf("the fees of one transaction are %s, above max_fee = %s", inEther(total), inEther(p.MaxFee))
	}
	return ""
}

// outbid is the least that a replacement offers: the highest that any of those it replaces offers, raised by the bump, on each field
// by itself. A legacy transaction counts as one that offers its gas price on both, as in the nodes' pools.
func (p FeePolicy) outbid(replaced []signing.Intent) (fees, string) {
	bid := fees{maxFee: new(big.Int), tip: new(big.Int)}
	for _, r := range replaced {
		maxFee, tip, ok := offered(r)
		if !ok {
			return fees{}, fmt.Sprintf("the fees of what stands at nonce %d cannot be read", r.Nonce)
		}
		bid.maxFee, bid.tip = larger(bid.maxFee, p.bumped(maxFee)), larger(bid.tip, p.bumped(tip))
	}
	bid.maxFee = larger(bid.maxFee, bid.tip) // a gas price stands for both
	return bid, ""
}

func offered(i signing.Intent) (maxFee, tip *big.Int, ok bool) {
	if i.EVM == nil {
		return nil, nil, false
	}
	if i.EVM.GasPrice != "" {
		price := decimal(i.EVM.GasPrice)
		return price, price, price != nil
	}
	maxFee, tip = decimal(i.EVM.MaxFeePerGas), decimal(i.EVM.MaxPriorityFeePerGas)
	return maxFee, tip, maxFee != nil && tip != nil
}

// bumped is n raised by the bump, rounded up, and by 1 wei at least.
func (p FeePolicy) bumped(n *big.Int) *big.Int {
	more := new(big.Int).Mul(n, big.NewInt(int64(p.BumpPercent)))
	more.Add(more, big.NewInt(99)).Div(more, big.NewInt(100))
	return more.Add(n, larger(more, big.NewInt(1)))
}

// mostOf is the most that a payment with this gas limit can cost now, in fees.
func (p FeePolicy) mostOf(m market, gas uint64, l1 *big.Int) *big.Int {
	total := new(big.Int).Mul(smaller(p.mostPerGas(m), p.MaxPerGas), new(big.Int).SetUint64(gas))
	return smaller(total.Add(total, l1), p.MaxFee)
}

// mostPerGas is what a new transaction offers where no cap is in its way.
func (p FeePolicy) mostPerGas(m market) *big.Int {
	if m.price != nil {
		return m.price
	}
	twice := new(big.Int).Lsh(m.base, 1)
	return twice.Add(twice, p.tip(m))
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

func smaller(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return b
	}
	return a
}
