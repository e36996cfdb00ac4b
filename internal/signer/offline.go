package signer

import (
	"context"
	"fmt"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// SignOffline answers a file of requests, by the same journal and the same policy as requests that come over a connection. A file for
// another machine is refused whole. Said again, it gives the same answers.
func (m *Machine) SignOffline(ctx context.Context, o signing.OfflineRequests) (signing.OfflineAnswers, error) {
	if o.Device != m.device {
		return signing.OfflineAnswers{}, fault.New(fault.Refused, "other_device", "take it to that machine", "the file is for machine %s, and this is %s", o.Device, m.device)
	}
	b, err := o.Batch()
	if err != nil {
		return signing.OfflineAnswers{}, fault.Wrap(err, fault.Usage, "bad_requests", "export it again: coffer tx export", "read the requests")
	}
	answers, err := m.Sign(ctx, b)
	if err != nil {
		return signing.OfflineAnswers{}, err
	}
	m.using.RLock()
	defer m.using.RUnlock()
	if m.locked.Load() {
		return signing.OfflineAnswers{}, lockedFault()
	}
	return signing.OfflineAnswersTo(b, answers, m.vault.Identity()), nil
}

// Foresee says what is likely to become of a request, for a person to look at before it is signed. It counts no limits and does not
// look at what is signed already: Sign decides.
func (m *Machine) Foresee(r signing.Request, now time.Time) (policy.Verdict, error) {
	if _, refusal := check(r.Intent); refusal != nil {
		return policy.Verdict{Refusal: refusal}, nil
	}
	k, ok, err := m.journal.FindKey(r.Intent.ChainType, r.Intent.From)
	if err != nil {
		return policy.Verdict{}, err
	}
	if !ok {
		why := fmt.Sprintf("this machine does not hold the key of %s", r.Intent.From)
		return policy.Verdict{Refusal: &signing.Refusal{Kind: signing.RefusedForGood, Code: "not_this_key", Reason: why}}, nil
	}
	account, _, err := derive.AccountOf(r.Intent.ChainType, r.Intent.ChainID, k.Path)
	if err != nil {
		return policy.Verdict{}, err
	}
	q := policy.Question{Matter: policy.Matter{Intent: r.Intent, Account: string(account)}, State: policy.State{Now: now}}
	for _, token := range r.Authorizations {
		a, err := signing.ParseAuthorization(token)
		if err != nil {
			q.Unreadable = err.Error()
			continue
		}
		q.Authorizations = append(q.Authorizations, a)
	}
	return m.journal.Judge(q), nil
}
