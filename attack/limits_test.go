package attack

import (
	"fmt"
	"math/big"
	"sync"
	"time"

	"coffer.internal/signing"
)

// exceedLimits: the thief has got hold of the keys of service and risk control as well. The machine lets him have what its limits say,
// and no more, until somebody notices.
var exceedLimits = []attempt{
	{"60-fifty-requests-at-once", ether(20), func(th *thief) {
		var answers [50]signing.Answer
		var asking sync.WaitGroup
		for n := range answers {
			asking.Go(func() {
				r := th.authorized(at(th.pay(fmt.Sprint("p-", n)), uint64(n)))
				got, err := th.m.client.Sign(th.Context(), signing.Batch{Requests: []signing.Request{r}})
				if err != nil || len(got) != 1 {
					th.Errorf("%d answers, %v", len(got), err)
					return
				}
				answers[n] = got[0]
			})
		}
		asking.Wait()
		var gaps []uint64
		for n, a := range answers {
			if a.Refusal == nil {
				th.send(a)
				continue
			}
			th.refused([]signing.Answer{a}, "hour_limit")
			gaps = append(gaps, uint64(n))
		}
		th.fill(gaps...)
	}},
	{"61-many-small-ones", milli(25 * 10), func(th *thief) {
		for n := range uint64(30) {
			i := changed(at(th.pay(fmt.Sprint("p-", n)), n), func(i *signing.Intent) { i.EVM.Amount = milli(10).String() })
			th.passesUpTo(25, int(n), th.ask(th.authorized(i)), "hour_count")
		}
	}},
	{"62-one-large-one", nil, func(th *thief) {
		i := changed(th.pay("p"), func(i *signing.Intent) { i.EVM.Amount = ether(11).String() })
		a := th.authorization(i)
		th.refused(th.ask(signing.Request{Intent: i, Authorizations: tokens(a, th.keys.service, th.keys.risk, th.keys.officer1, th.keys.officer2)}), "above_payment_cap")
	}},
	{"63-hour-after-hour", ether(30), func(th *thief) {
		for n := range uint64(4) {
			i := changed(at(th.pay(fmt.Sprint("p-", n)), n), func(i *signing.Intent) { i.EVM.Amount = ether(10).String() })
			a := th.authorization(i)
			r := signing.Request{Intent: i, Authorizations: tokens(a, th.keys.service, th.keys.risk, th.keys.officer1, th.keys.officer2)}
			th.passesUpTo(3, int(n), th.ask(r), "day_limit")
			th.m.clock.pass(2 * time.Hour)
		}
	}},
	{"64-more-of-a-token-than-the-cap", nil, func(th *thief) {
		th.fund(th.T, th.tokens[0], th.from, 5000)
		th.refused(th.ask(th.authorized(th.payToken("p", th.tokens[0], 1001))), "above_payment_cap")
	}},
	{"65-by-replacing-with-a-copy-that-is-not-counted", ether(20), func(th *thief) {
		for n := range uint64(22) {
			r := th.authorized(at(th.pay(fmt.Sprint("p-", n)), n))
			th.passesUpTo(20, int(n), th.ask(r), "hour_limit")
			if n < 20 {
				r.Intent = with(r.Intent, 40)
				th.signed(th.ask(r)...)
			}
		}
	}},
	{"66-a-token-from-one-wallet-after-the-other", big.NewInt(3000), func(th *thief) {
		th.own()
		for n := range 4 {
			th.from = th.m.newKey(th.T, fmt.Sprint("hot-", n), "hot").Address
			th.endow(th.from)
			th.fund(th.T, th.tokens[0], th.from, 1000)
			th.passesUpTo(3, n, th.ask(th.authorized(th.payToken(fmt.Sprint("p-", n), th.tokens[0], 1000))), "hour_count")
		}
	}},
	{"67-many-small-ones-all-day", milli(40 * 10), func(th *thief) {
		th.own()
		for n := range uint64(42) {
			if n == 20 {
				th.m.clock.pass(2 * time.Hour)
			}
			th.passesUpTo(40, int(n), th.ask(th.authorized(th.small(n))), "day_count")
		}
	}},
	{"68-before-the-hour-is-over", milli(25 * 10), func(th *thief) {
		th.own()
		for n := range uint64(27) {
			if n == 25 {
				th.m.clock.pass(59*time.Minute + 50*time.Second)
			}
			th.passesUpTo(25, int(n), th.ask(th.authorized(th.small(n))), "hour_count")
		}
	}},
	{"69-before-the-day-is-over", ether(30), func(th *thief) {
		th.own()
		for n := range uint64(4) {
			if n == 1 || n == 3 {
				th.m.clock.pass(map[uint64]time.Duration{1: 20 * time.Hour, 3: 3*time.Hour + 59*time.Minute + 50*time.Second}[n])
			}
			i := changed(at(th.pay(fmt.Sprint("p-", n)), n), func(i *signing.Intent) { i.EVM.Amount = ether(10).String() })
			r := signing.Request{Intent: i, Authorizations: tokens(th.authorization(i), th.keys.service, th.keys.risk, th.keys.officer1, th.keys.officer2)}
			th.passesUpTo(3, int(n), th.ask(r), "day_limit")
		}
	}},
}

// small pays the thief a hundredth of an ether.
func (th *thief) small(nonce uint64) signing.Intent {
	return changed(at(th.pay(fmt.Sprint("p-", nonce)), nonce), func(i *signing.Intent) { i.EVM.Amount = milli(10).String() })
}
