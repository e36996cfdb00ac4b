package signer

import (
	"time"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// TryPolicy gives a policy's verdict on an intent that has the first signature at its place, from a key of this account, with all limits
// unused; or the refusal of an intent that cannot be right by itself, before any policy is asked. Nothing is signed or counted.
func TryPolicy(p *policy.Policy, intent signing.Intent, account string, tokens []string, now time.Time) policy.Verdict {
	if _, malformed := check(intent); malformed != nil {
		return policy.Verdict{Refusal: malformed}
	}
	q := policy.Question{Matter: policy.Matter{Intent: intent, Account: account}, State: policy.State{Now: now}}
	for _, t := range tokens {
		a, err := signing.ParseAuthorization(t)
		if err != nil {
			q.Unreadable = err.Error()
			continue
		}
		q.Authorizations = append(q.Authorizations, a)
	}
	return p.Judge(q)
}
