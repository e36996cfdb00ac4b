package journal

import "coffer.internal/internal/signer/policy"

// Judge asks the policy in force, and looks at nothing that is journaled. Without a policy, nothing is permitted.
func (j *Journal) Judge(q policy.Question) policy.Verdict {
	if j.rules == nil {
		return new(policy.Policy).Judge(q)
	}
	return j.rules.Judge(q)
}
