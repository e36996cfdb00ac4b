package policy

import (
	"math/big"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// feeCaps holds the fee to the caps of the rule. Fees rise and fall, so that none of these is for good.
func (a *asked) feeCaps() *signing.Refusal {
	r := a.rule
	if r.maxFee != nil && a.fee.Cmp(r.maxFee) > 0 {
		return a.feeAbove("it can cost %s, and max_fee is %s", a.fee, r.maxFee)
	}
	if refusal := a.feeOfChain(); refusal != nil {
		return refusal
	}
	if r.maxFeePercent == nil || a.asset != coin {
		return nil
	}
	if most := r.maxFeePercent.of(a.amount); a.fee.Cmp(most) > 0 {
		return a.refuse(signing.RefusedForNow, "fee_above_share", "it can cost %s, and max_fee_percent = %s of %s is %s", a.fee, *r.maxFeePercent, a.amount, most)
	}
	return nil
}

func (a *asked) feeAbove(format string, args ...any) *signing.Refusal {
	return a.refuse(signing.RefusedForNow, "fee_above_cap", format, args...)
}

// feeOfChain holds the fee to the cap in the terms of its chain.
func (a *asked) feeOfChain() *signing.Refusal {
	r := a.rule
	switch a.Intent.ChainType {
	case derive.EVM:
		price := perGas(a.Intent)
		if r.maxFeePerGas != nil && (price == nil || price.Cmp(r.maxFeePerGas) > 0) {
			return a.feeAbove("it can cost %s wei per gas, and max_fee_per_gas is %s", price, r.maxFeePerGas)
		}
	case derive.BTC:
		return a.feeRate()
	case derive.Solana:
		if r.maxLamports != nil && a.fee.Cmp(r.maxLamports) > 0 {
			return a.feeAbove("it can cost %s lamports, and max_lamports is %s", a.fee, r.maxLamports)
		}
	}
	return nil
}

// perGas is the most that a unit of gas can cost, in wei; nil if the intent does not say.
func perGas(i signing.Intent) *big.Int {
	if i.EVM == nil {
		return nil
	}
	text := i.EVM.MaxFeePerGas
	if text == "" {
		text = i.EVM.GasPrice
	}
	price, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil
	}
	return price
}

// feeRate holds the fee of a Bitcoin transaction to its cap per virtual byte.
func (a *asked) feeRate() *signing.Refusal {
	if a.rule.maxSatPerVB == nil {
		return nil
	}
	fee, size, ok := btctx.FeeAndSize(a.Intent)
	if !ok {
		return a.feeAbove("its fee per virtual byte is not known, and max_sat_per_vb is %s", a.rule.maxSatPerVB)
	}
	if most := new(big.Int).Mul(a.rule.maxSatPerVB, big.NewInt(size)); big.NewInt(fee).Cmp(most) > 0 {
		return a.feeAbove("it costs %d sat for %d virtual bytes, and max_sat_per_vb is %s", fee, size, a.rule.maxSatPerVB)
	}
	return nil
}
