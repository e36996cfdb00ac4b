// Package policy is what a signing machine may sign, beyond what can be right at all and what its journal rules out: which keys, on
// which chains, for what purpose, to whom, how much, at what cost, and whose authorization that takes. What no rule permits is refused.
//
// A policy is one file that a person can read (Parse), and says in sentences what it means (Sentences). Judge is pure: it looks at the
// question and at nothing else. docs/policy.md is the reference of the file.
package policy

import (
	"crypto/ed25519"
	"math/big"
	"slices"
	"time"

	"coffer.internal/signing"
)

// Policy is a policy that was read. It does not change. The zero one permits nothing.
type Policy struct {
	hash        string
	authorizers []Authorizer
	byKey       map[string]Authorizer // by the bytes of the key
	rules       []*rule
}

// Hash names the policy by the bytes of its file: "SHA256:" and their SHA-256 in hex. That of the zero policy is empty.
func (p *Policy) Hash() string { return p.hash }

// Authorizers are all whose authorizations the policy knows, in the order of the file.
func (p *Policy) Authorizers() []Authorizer { return slices.Clone(p.authorizers) }

// Officers are the authorizers who are officers: nobody, or two at least.
func (p *Policy) Officers() []Authorizer {
	return slices.DeleteFunc(p.Authorizers(), func(a Authorizer) bool { return a.Role != Officer })
}

// Role says what an authorizer is. A rule wants a number of each.
type Role string

// The roles.
const (
	Service Role = "service" // a withdrawal service, which knows what a customer asked for
	Risk    Role = "risk"    // risk control, which knows what is usual
	Officer Role = "officer" // a person; two together also direct the machine itself (signing.Directive)
)

// roles are all of them, in the order in which they are told.
var roles = [...]Role{Service, Risk, Officer}

// officer is where Officer stands among roles.
const officer = 2

// Authorizer is somebody whose authorization counts.
type Authorizer struct {
	Name string
	Role Role
	Key  ed25519.PublicKey

	fingerprint string // of Key
}

// The accounts of keys (signing.KeyRequest).
const (
	Hot   = "hot"
	Cold  = "cold"
	Vault = "vault"
)

var accounts = []string{Hot, Cold, Vault}

// Question is what a policy is asked about one intent that everything else would let be signed.
type Question struct {
	Matter
	State
}

// Matter is what is to be signed, and by whose authority. It does not change.
type Matter struct {
	Intent  signing.Intent
	Account string // the account of the key of From: hot, cold, vault

	Authorizations []signing.SignedAuthorization // those that came with it, their signatures verified
	Unreadable     string                        // why one that came with it is none; empty: all are
}

// State is what a verdict depends on beside its matter: the time, and what is signed already.
type State struct {
	Now time.Time

	Bound  *Bound // what the payment was bound with, if it is bound to this very place; nil: nothing is signed for it
	Before *Cost  // the most of what is signed at this place; nil: nothing is

	Usage func(counter string) Usage // what a counter holds at Now; it is only looked at, and not kept

	Recalled bool // it is signed already (Recall): its authorizations are held against no clock
}

// Bound is what the journal keeps with a payment from its first signature on: fee replacements need no authorization beyond it.
type Bound struct {
	MaxFee string   `json:"max_fee,omitempty"` // the lowest cap of its authorizations, base units; empty: none was wanted
	Keys   []string `json:"keys,omitempty"`    // fingerprints of the keys that authorized it
}

// Cost is what an intent can take: of the asset that it pays, and of the chain's own coin as its fee. Base units.
type Cost struct{ Amount, Fee *big.Int }

// Usage is what was signed in the last hour and in the last day.
type Usage struct{ Hour, Day Sum }

// Sum is what a counter counts. Nil is nothing.
type Sum struct {
	Cost
	Count int
}

// Verdict is what a policy says: a refusal, or what has to be journaled with the signature.
type Verdict struct {
	Refusal *signing.Refusal
	Rule    string   // the name of the rule that permits it
	Bound   Bound    // to keep with the payment, if it has none
	Add     Sum      // to count: the difference to what was signed at the place before
	To      []string // in these counters
}
