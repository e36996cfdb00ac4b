package policy

import (
	"fmt"
	"math/big"
	"slices"

	"coffer.internal/internal/signer/derive"
)

// contradiction says what in a rule has no meaning, or takes the meaning of something else in it: whoever wrote that meant another thing.
func (r *rule) contradiction(*Policy, ruleTable) string {
	for _, check := range []func() string{r.onlyWherePaid, r.chainsOfMending, r.oneUnit, r.oneCoin, r.capsOfChains, r.order} {
		if why := check(); why != "" {
			return why
		}
	}
	return ""
}

// onlyWherePaid keeps what is about an amount out of rules that pay nothing.
func (r *rule) onlyWherePaid() string {
	switch {
	case r.pays():
		return ""
	case r.payment != nil:
		return "payment belongs to withdraw and sweep: cancel and gap_fill pay nothing"
	case r.maxFeePercent != nil:
		return "max_fee_percent belongs to withdraw and sweep: cancel and gap_fill pay nothing"
	case r.eachKey.sums() || r.allKeys.sums():
		return "hour and day belong to withdraw and sweep: cancel and gap_fill pay nothing; limit their fees with fee_hour and fee_day"
	}
	return ""
}

// chainsOfMending: Bitcoin and Solana have neither cancellations nor gaps.
func (r *rule) chainsOfMending() string {
	if types := r.chainTypes(); !r.pays() && !slices.Equal(types, []string{derive.EVM}) {
		return fmt.Sprintf("cancel and gap_fill are of EVM only, not of %s", r.chainText())
	}
	return ""
}

// oneUnit wants one asset where amounts of it are compared: else pears are added to apples.
func (r *rule) oneUnit() string {
	name := ""
	switch {
	case r.payment != nil:
		name = "payment"
	case r.officersAbove != nil:
		name = "officers_above"
	case r.eachKey.sums():
		name = "each_key's hour and day"
	case r.allKeys.sums():
		name = "all_keys' hour and day"
	default:
		return ""
	}
	if r.oneAsset() == anyAsset {
		return fmt.Sprintf("%s cannot be an amount of several assets (%q): give each a rule of its own; counts and fee limits are the same for all", name, r.assets)
	}
	if types := r.chainTypes(); r.oneAsset() == coin && len(types) > 1 {
		return fmt.Sprintf("%s cannot be an amount of the coins of several chain types (%q): give each a rule of its own", name, types)
	}
	return ""
}

// oneCoin wants one chain type where fees are compared.
func (r *rule) oneCoin() string {
	name := ""
	switch {
	case r.maxFee != nil:
		name = "max_fee"
	case r.eachKey.fees(), r.allKeys.fees():
		name = "fee_hour and fee_day"
	default:
		return ""
	}
	if types := r.chainTypes(); len(types) > 1 {
		return fmt.Sprintf("%s cannot be an amount of the coins of several chain types (%q): give each a rule of its own", name, types)
	}
	return ""
}

// capsOfChains keeps caps to chains that have such a fee.
func (r *rule) capsOfChains() string {
	for _, c := range []struct {
		name      string
		cap       *big.Int
		chainType string
	}{{"max_fee_per_gas", r.maxFeePerGas, derive.EVM}, {"max_sat_per_vb", r.maxSatPerVB, derive.BTC}, {"max_lamports", r.maxLamports, derive.Solana}} {
		if c.cap != nil && !slices.Contains(r.chainTypes(), c.chainType) {
			return fmt.Sprintf("%s is of chain type %s, and the rule is about %s", c.name, c.chainType, r.chainText())
		}
	}
	if r.maxFeePercent != nil && !r.everyAsset() && !slices.Contains(r.assets, coin) {
		return "max_fee_percent is for payments of the chain's own coin: the fee of a token is paid in another unit"
	}
	return ""
}

// order finds limits that others make unreachable.
func (r *rule) order() string {
	e, a := r.eachKey, r.allKeys
	for _, c := range []struct {
		low  string
		x    *big.Int
		high string
		y    *big.Int
	}{
		{"payment", r.payment, "each_key.hour", e.hour}, {"payment", r.payment, "each_key.day", e.day},
		{"payment", r.payment, "all_keys.hour", a.hour}, {"payment", r.payment, "all_keys.day", a.day},
		{"max_fee", r.maxFee, "each_key.fee_hour", e.feeHour}, {"max_fee", r.maxFee, "each_key.fee_day", e.feeDay},
		{"max_fee", r.maxFee, "all_keys.fee_hour", a.feeHour}, {"max_fee", r.maxFee, "all_keys.fee_day", a.feeDay},
		{"each_key.hour", e.hour, "each_key.day", e.day}, {"all_keys.hour", a.hour, "all_keys.day", a.day},
		{"each_key.hour_count", number(e.hourCount), "each_key.day_count", number(e.dayCount)},
		{"all_keys.hour_count", number(a.hourCount), "all_keys.day_count", number(a.dayCount)},
		{"each_key.fee_hour", e.feeHour, "each_key.fee_day", e.feeDay}, {"all_keys.fee_hour", a.feeHour, "all_keys.fee_day", a.feeDay},
		{"each_key.hour", e.hour, "all_keys.hour", a.hour}, {"each_key.day", e.day, "all_keys.day", a.day},
		{"each_key.hour_count", number(e.hourCount), "all_keys.hour_count", number(a.hourCount)},
		{"each_key.day_count", number(e.dayCount), "all_keys.day_count", number(a.dayCount)},
		{"each_key.fee_hour", e.feeHour, "all_keys.fee_hour", a.feeHour}, {"each_key.fee_day", e.feeDay, "all_keys.fee_day", a.feeDay},
	} {
		if c.x != nil && c.y != nil && c.x.Cmp(c.y) > 0 {
			return fmt.Sprintf("%s (%s) is above %s (%s), so it could never be reached", c.low, c.x, c.high, c.y)
		}
	}
	switch {
	case r.officersAbove != nil && r.payment != nil && r.officersAbove.Cmp(r.payment) >= 0:
		return fmt.Sprintf("officers_above (%s) is not below payment (%s), so it could never be reached", r.officersAbove, r.payment)
	case r.officers > 0 && r.officers <= r.needs[Officer]:
		return fmt.Sprintf("officers = %d adds nothing to authorized_by, which wants %d officers of every payment", r.officers, r.needs[Officer])
	}
	return ""
}

// number is a count as an integer, nil if it is no limit.
func number(n int) *big.Int {
	if n == 0 {
		return nil
	}
	return big.NewInt(int64(n))
}
