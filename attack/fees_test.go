package attack

import (
	"fmt"
	"math/big"
	"time"

	"coffer.internal/signing"
)

// burnFees: the thief makes blocks, or only wants to harm. What a wallet loses beyond what is authorized is what he has.
var burnFees = []attempt{
	{"40-by-the-price-of-gas", nil, burning(func(th *thief) {
		th.refused(th.ask(th.authorized(with(th.pay("p"), 2000))), "fee_above_cap")
	})},
	{"41-by-the-price-of-gas-of-the-old-kind", nil, burning(func(th *thief) {
		i := changed(th.pay("p"), func(i *signing.Intent) {
			i.EVM.GasPrice, i.EVM.MaxFeePerGas, i.EVM.MaxPriorityFeePerGas = gwei(2000), "", ""
		})
		th.refused(th.ask(th.authorized(i)), "fee_above_cap")
	})},
	{"42-by-the-gas-limit", nil, burning(func(th *thief) {
		i := changed(with(th.pay("p"), 900), func(i *signing.Intent) { i.EVM.GasLimit = 100_000 })
		th.refused(th.ask(th.authorized(i)), "fee_above_cap")
	})},
	{"43-more-than-a-share-of-the-payment", nil, burning(func(th *thief) {
		i := changed(th.pay("p"), func(i *signing.Intent) { i.EVM.Amount = milli(1).String() })
		th.refused(th.ask(th.authorized(i)), "fee_above_share")
	})},
	{"44-above-what-is-authorized", nil, burning(func(th *thief) {
		a := th.authorization(th.pay("p"))
		a.MaxFee = "1000"
		th.refused(th.ask(signing.Request{Intent: th.pay("p"), Authorizations: tokens(a, th.keys.service, th.keys.risk)}), "fee_above_authorization")
	})},
	{"45-by-replacing-above-what-is-authorized", new(big.Int).Add(ether(1), milli(1)), burning(func(th *thief) {
		a := th.authorization(th.pay("p"))
		a.MaxFee = milli(1).String()
		r := signing.Request{Intent: with(th.pay("p"), 20), Authorizations: tokens(a, th.keys.service, th.keys.risk)}
		th.signed(th.ask(r)...)
		r.Intent = with(r.Intent, 400)
		th.refused(th.ask(r), "fee_above_authorization")
	})},
	{"46-by-cancelling-payment-after-payment", milli(50), burning(func(th *thief) {
		for n := range uint64(10) {
			i := at(with(th.self(signing.PurposeCancel, fmt.Sprint("p-", n)), 400), n) // 0.0084 ether each
			th.passesUpTo(5, int(n), th.ask(bare(i)), "fee_hour_limit")
		}
	})},
	{"47-by-filling-gap-after-gap", milli(50), burning(func(th *thief) {
		for n := range uint64(10) {
			i := at(with(th.self(signing.PurposeGapFill, ""), 400), n)
			th.passesUpTo(5, int(n), th.ask(bare(i)), "fee_hour_limit")
		}
	})},
	{"48-by-raising-one-cancellation-again-and-again", milli(20), burning(func(th *thief) {
		for n := range int64(10) {
			i := with(th.self(signing.PurposeCancel, "p"), 200+200*n)
			th.passesUpTo(4, int(n), th.ask(bare(i)), "fee_above_cap")
		}
	})},
	{"49-a-little-with-each-of-many-payments", new(big.Int).Add(ether(4), milli(100)), burning(func(th *thief) {
		for n := range uint64(8) {
			i := at(with(th.pay(fmt.Sprint("p-", n)), 1000), n) // 0.021 ether each
			th.passesUpTo(4, int(n), th.ask(th.authorized(i)), "fee_hour_limit")
		}
	})},
	{"50-by-cancelling-hour-after-hour", milli(100), burning(func(th *thief) {
		th.own()
		for n := range uint64(15) {
			i := at(with(th.self(signing.PurposeCancel, fmt.Sprint("p-", n)), 400), n) // 0.0084 ether each
			if n > 0 && n%5 == 0 {
				th.m.clock.pass(2 * time.Hour)
			}
			th.passesUpTo(11, int(n), th.ask(bare(i)), "fee_day_limit")
		}
	})},
	{"51-above-the-lower-of-two-caps", new(big.Int).Add(ether(1), milli(1)), burning(func(th *thief) {
		high, low := th.authorization(th.pay("p")), th.authorization(th.pay("p"))
		low.MaxFee = milli(1).String()
		r := signing.Request{Intent: with(th.pay("p"), 20), Authorizations: append(tokens(high, th.keys.service), tokens(low, th.keys.risk)...)}
		th.signed(th.ask(r)...)
		r.Intent = with(r.Intent, 400)
		th.refused(th.ask(r), "fee_above_authorization")
	})},
}

// burning makes an attempt one that is about fees.
func burning(try func(*thief)) func(*thief) {
	return func(th *thief) {
		th.burns = true
		try(th)
	}
}

// passesUpTo wants the first few to be signed, and the others to be refused.
func (th *thief) passesUpTo(few, n int, answers []signing.Answer, code string) {
	th.Helper()
	if n < few {
		th.signed(answers...)
		return
	}
	th.refused(answers, code)
}

func milli(n int64) *big.Int { return new(big.Int).Div(ether(n), big.NewInt(1000)) }
