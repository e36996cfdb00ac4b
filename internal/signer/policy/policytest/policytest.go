// Package policytest has policies for tests and measurements.
package policytest

import "coffer.internal/internal/signer/policy"

// AllowAll is a policy that permits everything but sweeps, which always have a list of places, and wants no authorization.
func AllowAll() *policy.Policy {
	p, err := policy.Parse([]byte(AllowAllText))
	if err != nil {
		panic("policytest: " + err.Error())
	}
	return p
}

// AllowAllText is the file of AllowAll.
const AllowAllText = `version = 1

[[rule]]
name = "all payments"
purposes = ["withdraw"]
accounts = ["hot", "cold", "vault"]
chains = ["evm:*", "btc:*", "solana:*"]
assets = ["*"]
authorized_by = "nobody"

[[rule]]
name = "all mending"
purposes = ["cancel", "gap_fill"]
accounts = ["hot", "cold", "vault"]
chains = ["evm:*"]
`
