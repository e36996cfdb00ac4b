package attack

import (
	"sync"

	"coffer.internal/signing"
)

// payTwice: the thief is a customer, or works with one, and wants to be paid more than once.
var payTwice = []attempt{
	{"01-at-another-nonce", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		th.signed(th.ask(r)...)
		r.Intent.Nonce = 1
		th.refused(th.ask(r), "payment_bound")
	}},
	{"02-at-two-nonces-in-one-batch", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		second := r
		second.Intent.Nonce = 1
		answers := th.ask(r, second)
		th.signed(answers[0])
		th.refused(answers[1:], "payment_bound")
	}},
	{"03-from-another-wallet", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		th.signed(th.ask(r)...)
		r.Intent.From = th.spare.Address
		th.refused(th.ask(r), "payment_bound")
	}},
	{"04-by-two-daemons-at-once", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		var all [8][]signing.Answer
		var asking sync.WaitGroup
		for n := range all {
			asking.Go(func() {
				mine := r
				mine.Intent.Nonce = uint64(n)
				all[n], _ = th.m.client.Sign(th.Context(), signing.Batch{Requests: []signing.Request{mine}})
			})
		}
		asking.Wait()
		signed := 0
		for n, answers := range all {
			if len(answers) == 1 && answers[0].Refusal == nil {
				signed++
				th.send(answers[0])
				continue
			}
			th.refused(answers, "payment_bound")
			th.fill(uint64(n))
		}
		if signed != 1 {
			th.Errorf("signed for %d daemons", signed)
		}
	}},
	{"05-under-another-request-id", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		th.signed(th.ask(r)...)
		r.Intent = at(th.pay("q"), 1)
		th.refused(th.ask(r), "authorization_differs")
	}},
	{"06-in-the-name-of-another-ledger", ether(1), func(th *thief) {
		r := th.authorized(th.pay("p"))
		th.signed(th.ask(r)...)
		r.Intent.Ledger, r.Intent.Nonce = "another", 1
		th.refused(th.ask(r), "other_ledger")
	}},
	{"07-after-the-cancellation", nil, func(th *thief) {
		r := th.authorized(th.pay("p"))
		th.signed(th.ask(bare(with(th.self(signing.PurposeCancel, "p"), 30)))...) // the customer has his money back
		r.Intent = with(r.Intent, 60)
		th.refused(th.ask(r), "cancelled")
		th.refused(th.ask(signing.Request{Intent: at(r.Intent, 1), Authorizations: r.Authorizations}), "payment_bound")
	}},
	{"08-with-the-authorizations-of-an-older-payment", ether(1), func(th *thief) {
		old := th.authorized(th.pay("p"))
		th.signed(th.ask(old)...)
		th.mine()
		again := changed(th.pay("p-again"), func(i *signing.Intent) { i.Nonce = 1 })
		th.refused(th.ask(signing.Request{Intent: again, Authorizations: old.Authorizations}), "authorization_differs")
	}},
	{"09-without-a-payment-id", nil, func(th *thief) {
		first := changed(th.pay(""), func(i *signing.Intent) { i.Payment = "" }) // nothing would keep it from being signed again and again
		th.refused(th.ask(th.authorized(first)), "malformed")
		th.refused(th.ask(th.authorized(at(first, 1))), "malformed")
	}},
}
