// Package policytest has policies for tests and measurements.
package policytest

import "coffer.internal/internal/signer/policy"

// AllowAll is a policy that permits everything and wants no authorization.
func AllowAll() *policy.Policy { return &policy.Policy{} }
