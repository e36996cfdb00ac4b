package attack

import (
	"crypto/ed25519"
	"strings"
	"time"

	"coffer.internal/signing"
)

// forgeAuthorizations: the thief has authorizations that are old, or too few, or not of those whom the policy names.
var forgeAuthorizations = []attempt{
	{"70-one-that-expired", nil, func(th *thief) {
		a := th.authorization(th.pay("p"))
		a.Issued, a.Expires = a.Issued.Add(-2*time.Hour), a.Issued.Add(-time.Hour)
		th.refused(th.forged(a, th.keys.service, th.keys.risk), "authorization_expired")
	}},
	{"71-one-from-the-future", nil, func(th *thief) {
		a := th.authorization(th.pay("p"))
		a.Issued, a.Expires = a.Issued.Add(6*time.Minute), a.Expires.Add(6*time.Minute)
		th.refused(th.forged(a, th.keys.service, th.keys.risk), "authorization_from_the_future")
	}},
	{"72-of-the-service-alone", nil, func(th *thief) {
		th.refused(th.forged(th.authorization(th.pay("p")), th.keys.service), "authorization_missing")
	}},
	{"73-of-the-service-twice", nil, func(th *thief) {
		a := th.authorization(th.pay("p"))
		later := a
		later.Expires = later.Expires.Add(time.Second)
		th.refused(th.ask(signing.Request{Intent: th.pay("p"), Authorizations: append(tokens(a, th.keys.service), tokens(later, th.keys.service)...)}), "authorization_missing")
	}},
	{"74-of-an-officer-in-the-place-of-risk-control", nil, func(th *thief) {
		th.refused(th.forged(th.authorization(th.pay("p")), th.keys.service, th.keys.officer1), "authorization_missing")
	}},
	{"75-of-a-key-of-his-own", nil, func(th *thief) {
		th.refused(th.forged(th.authorization(th.pay("p")), th.keys.stranger, th.keys.risk), "authorization_missing")
	}},
	{"76-much-without-officers", nil, func(th *thief) {
		th.refused(th.large(th.keys.service, th.keys.risk), "authorization_missing")
	}},
	{"77-much-with-one-officer", nil, func(th *thief) {
		th.refused(th.large(th.keys.service, th.keys.risk, th.keys.officer1), "authorization_missing")
	}},
	{"78-much-with-the-same-officer-twice", nil, func(th *thief) {
		th.refused(th.large(th.keys.service, th.keys.risk, th.keys.officer1, th.keys.officer1), "officer_twice")
	}},
	{"79-rewritten", nil, func(th *thief) {
		customer := th.authorization(changed(th.pay("p"), func(i *signing.Intent) { i.EVM.To = fresh("somebody").Hex() }))
		mine := th.authorization(th.pay("p"))
		var all []string
		for _, key := range []ed25519.PrivateKey{th.keys.service, th.keys.risk} {
			signature := ed25519.Sign(key, customer.Encode()) // all that he has of them
			all = append(all, signing.JoinToken(signing.AuthorizationPrefix, mine.Encode(), key.Public().(ed25519.PublicKey), signature))
		}
		th.refused(th.ask(signing.Request{Intent: th.pay("p"), Authorizations: all}), "authorization_unreadable")
	}},
	{"80-of-another-version", nil, func(th *thief) {
		all := tokens(th.authorization(th.pay("p")), th.keys.service, th.keys.risk)
		for n := range all {
			all[n] = strings.Replace(all[n], signing.AuthorizationPrefix, "coffer-authorization-0", 1)
		}
		th.refused(th.ask(signing.Request{Intent: th.pay("p"), Authorizations: all}), "authorization_unreadable")
	}},
}

// forged asks for the thief's payment with an authorization signed by keys.
func (th *thief) forged(a signing.Authorization, keys ...ed25519.PrivateKey) []signing.Answer {
	th.Helper()
	return th.ask(signing.Request{Intent: th.pay("p"), Authorizations: tokens(a, keys...)})
}

// large asks for a payment that takes officers.
func (th *thief) large(keys ...ed25519.PrivateKey) []signing.Answer {
	th.Helper()
	i := changed(th.pay("p"), func(i *signing.Intent) { i.EVM.Amount = ether(6).String() })
	return th.ask(signing.Request{Intent: i, Authorizations: tokens(th.authorization(i), keys...)})
}
