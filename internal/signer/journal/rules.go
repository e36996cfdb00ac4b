package journal

import "coffer.internal/internal/signer/policy"

// Policy is the policy in force; nil: there is none, and nothing is signed.
func (j *Journal) Policy() *policy.Policy { return j.rules }
