package config

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"coffer.internal/wallet"
)

// feePresets are the fees of a chain where coffer.toml is silent: about ten times what the chain asks for on a busy day, so that a
// payment waits only when something is wrong.
type feePresets struct {
	maxPerGas, max int64         // gwei
	bumpAfter      time.Duration // three to five blocks, and 15 s at least where blocks are real
	l1             string
}

// opStack is the way in which chains of the OP stack charge for the bytes that they write to Ethereum.
const opStack = "op-stack"

// fees checks a chain's fees.
func (f *file) fees(at string, k known, t chainTable) (fees Fees, err error) {
	if k.chainType != wallet.EVM {
		return Fees{}, f.noFees(at, k, t)
	}
	fees.L1 = k.fees.l1
	if t.L1Fee != nil {
		fees.L1 = *t.L1Fee
		if fees.L1 == "none" {
			fees.L1 = ""
		} else if fees.L1 != opStack {
			return Fees{}, f.bad(at+"l1_fee", `write "op-stack" or "none"`, "%q is not a way to charge", fees.L1)
		}
	}
	if fees.Percentile, err = f.integer(at+"fee_percentile", t.FeePercentile, 50, 1, 100); err != nil {
		return Fees{}, err
	}
	if fees.Blocks, err = f.integer(at+"fee_blocks", t.FeeBlocks, 10, 1, 100); err != nil {
		return Fees{}, err
	}
	if fees.BumpPercent, err = f.integer(at+"bump_percent", t.BumpPercent, 10, 10, 1000); err != nil {
		return Fees{}, err
	}
	if fees.BumpAfter, err = f.duration(at+"bump_after", t.BumpAfter, k.fees.bumpAfter, 100*time.Millisecond, 24*time.Hour); err != nil {
		return Fees{}, err
	}
	if fees.MinPriority, err = f.wei(at+"min_priority_fee", t.MinPriorityFee, big.NewInt(1)); err != nil {
		return Fees{}, err
	}
	if fees.MaxPerGas, err = f.wei(at+"max_fee_per_gas", t.MaxFeePerGas, gwei(k.fees.maxPerGas)); err != nil {
		return Fees{}, err
	}
	if fees.Max, err = f.wei(at+"max_fee", t.MaxFee, gwei(k.fees.max)); err != nil {
		return Fees{}, err
	}
	if fees.MinPriority.Cmp(fees.MaxPerGas) > 0 {
		return Fees{}, f.bad(at+"min_priority_fee", "make it less than max_fee_per_gas", "%s wei is above max_fee_per_gas = %s wei", fees.MinPriority, fees.MaxPerGas)
	}
	return fees, nil
}

// noFees refuses the keys of fees on a chain that has none of the kind.
func (f *file) noFees(at string, k known, t chainTable) error {
	for _, s := range []struct {
		key string
		set bool
	}{
		{"fee_percentile", t.FeePercentile != nil}, {"fee_blocks", t.FeeBlocks != nil}, {"min_priority_fee", t.MinPriorityFee != nil},
		{"max_fee_per_gas", t.MaxFeePerGas != nil}, {"max_fee", t.MaxFee != nil}, {"bump_percent", t.BumpPercent != nil},
		{"bump_after", t.BumpAfter != nil}, {"l1_fee", t.L1Fee != nil},
	} {
		if s.set {
			return f.bad(at+s.key, "take it out", "a setting of evm chains: %s has no such fees", k.chainType)
		}
	}
	return nil
}

func gwei(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e9)) }

// units are how many decimals a wei has in each.
var units = map[string]int{"wei": 0, "gwei": 9, "ether": 18}

var weiForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,24})(\.[0-9]{1,18})? (wei|gwei|ether)$`)

// wei reads an amount that says its unit, so that no nine zeros are lost: "30 gwei", "0.05 ether".
func (f *file) wei(key string, value *string, preset *big.Int) (*big.Int, error) {
	if value == nil {
		return preset, nil
	}
	hint := `write a number and wei, gwei or ether, as in "30 gwei", "1.5 gwei" or "0.05 ether"`
	part := weiForm.FindStringSubmatch(*value)
	if part == nil {
		return nil, f.bad(key, hint, "%q is not an amount with its unit", *value)
	}
	decimals, fraction := units[part[3]], strings.TrimPrefix(part[2], ".")
	if len(fraction) > decimals {
		return nil, f.bad(key, hint, "%q is not a whole number of wei", *value)
	}
	n, _ := new(big.Int).SetString(part[1]+fraction+strings.Repeat("0", decimals-len(fraction)), 10) // digits alone
	switch {
	case n.Sign() == 0:
		return nil, f.bad(key, fmt.Sprintf("take it out for the default, %s wei", preset), "%q is nothing", *value)
	case n.BitLen() > 120:
		return nil, f.bad(key, hint, "%q is more than there is of any coin", *value)
	}
	return n, nil
}
