package attack

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/signing"
)

// payElsewhere: somebody else's payment is authorized, and the thief turns it to himself, or makes up one of his own.
var payElsewhere = []attempt{
	{"20-without-any-authorization", nil, func(th *thief) {
		th.refused(th.ask(bare(th.pay("p"))), "authorization_missing")
	}},
	{"21-to-another-address", nil, func(th *thief) {
		customer := changed(th.pay("p"), func(i *signing.Intent) { i.EVM.To = fresh("customer").Hex() })
		r := th.authorized(customer)
		r.Intent.EVM = th.pay("p").EVM
		th.refused(th.ask(r), "authorization_differs")
	}},
	{"22-more-than-is-authorized", nil, func(th *thief) {
		r := th.authorized(th.pay("p"))
		r.Intent = changed(r.Intent, func(i *signing.Intent) { i.EVM.Amount = ether(4).String() })
		th.refused(th.ask(r), "authorization_differs")
	}},
	{"23-in-another-asset", nil, func(th *thief) {
		th.fund(th.T, th.tokens[0], th.from, 1000)
		r := th.authorized(changed(th.pay("p"), func(i *signing.Intent) { i.EVM.Amount = "1000" })) // 1000 wei
		r.Intent = th.payToken("p", th.tokens[0], 1000)
		th.refused(th.ask(r), "authorization_differs")
	}},
	{"24-with-an-authorization-for-a-test-chain", nil, func(th *thief) {
		a := th.authorization(th.pay("p"))
		a.ChainID = 5
		th.refused(th.ask(signing.Request{Intent: th.pay("p"), Authorizations: tokens(a, th.keys.service, th.keys.risk)}), "authorization_differs")
	}},
	{"25-another-contract", nil, func(th *thief) {
		th.fund(th.T, th.tokens[1], th.from, 1000)
		th.refused(th.ask(th.authorized(th.payToken("p", th.tokens[1], 1000))), "no_rule")
	}},
	{"26-by-replacing-the-payment", nil, func(th *thief) {
		customer := changed(th.pay("p"), func(i *signing.Intent) { i.EVM.To = fresh("another customer").Hex() })
		r := th.authorized(customer)
		th.signed(th.ask(r)...)
		r.Intent = with(th.pay("p"), 60)
		th.refused(th.ask(r), "nonce_bound")
	}},
	{"27-more-by-replacing-the-payment", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		th.signed(th.ask(r)...)
		r.Intent = changed(with(r.Intent, 60), func(i *signing.Intent) { i.EVM.Amount = ether(4).String() })
		th.refused(th.ask(r), "nonce_bound")
		th.mine()
	}},
	{"28-a-token-in-the-place-of-the-coin", nil, func(th *thief) {
		before := th.balance(th.T, th.to)
		th.fund(th.T, th.tokens[0], th.from, params.Ether)
		r := th.authorized(th.pay("p")) // 1 ether; as many units of the token may be worth far more
		th.signed(th.ask(r)...)
		r.Intent = changed(with(r.Intent, 60), func(i *signing.Intent) { i.EVM.Contract, i.EVM.GasLimit = th.tokens[0].Hex(), 100_000 })
		th.refused(th.ask(r), "nonce_bound")
		th.mine()
		th.purse = func() *big.Int { return th.tokenBalance(th.T, th.tokens[0], th.to) }
		if got := th.balance(th.T, th.to); got.Cmp(before) == 0 {
			th.Error("nothing was paid: the attempt says nothing")
		}
	}},
	{"29-called-a-cancellation", nil, func(th *thief) {
		th.refused(th.ask(bare(changed(th.self(signing.PurposeCancel, "p"), th.toMe))), "malformed")
	}},
	{"30-called-a-gap-fill", nil, func(th *thief) {
		th.refused(th.ask(bare(changed(th.self(signing.PurposeGapFill, ""), th.toMe))), "malformed")
	}},
	{"31-called-a-sweep", nil, func(th *thief) {
		th.refused(th.ask(bare(changed(th.pay("p"), func(i *signing.Intent) { i.Purpose = signing.PurposeSweep }))), "destination_not_allowed")
	}},
	{"32-out-of-cold-storage", nil, func(th *thief) {
		r := th.authorized(changed(th.pay("p"), func(i *signing.Intent) { i.From = th.cold.Address }))
		th.refused(th.ask(r), "no_rule")
	}},
	{"33-to-the-zero-address", nil, func(th *thief) {
		th.watch(common.Address{})
		r := th.authorized(changed(th.pay("p"), func(i *signing.Intent) { i.EVM.To = th.also.Hex() }))
		th.refused(th.ask(r), "malformed")
	}},
	{"34-into-the-tokens-own-contract", nil, func(th *thief) {
		th.fund(th.T, th.tokens[0], th.from, 1000)
		th.watch(th.tokens[0])
		r := th.authorized(changed(th.payToken("p", th.tokens[0], 1000), func(i *signing.Intent) { i.EVM.To = th.also.Hex() }))
		th.refused(th.ask(r), "malformed")
	}},
	{"35-a-sweep-turned-into-a-payment", nil, func(th *thief) {
		sweep := changed(th.pay("p"), func(i *signing.Intent) {
			i.Purpose, i.EVM.To = signing.PurposeSweep, "0x1111111111111111111111111111111111111111"
		})
		th.signed(th.ask(bare(sweep))...)
		th.refused(th.ask(bare(with(th.pay("p"), 60))), "nonce_bound")
	}},
}

// toMe turns a transfer to the thief.
func (th *thief) toMe(i *signing.Intent) { i.EVM.To, i.EVM.Amount = th.to.Hex(), ether(1).String() }
