package strategy

import "cmp"

// LeastInFlight keeps away from busy wallets: it picks the one with the fewest nonces reserved, or asked for and not final.
// Equals take turns like RoundRobin, not by cursor: a new wallet is given no more than its share.
type LeastInFlight struct{}

// Name is what the configuration calls it.
func (LeastInFlight) Name() string { return "least-in-flight" }

// Choose picks the fewest in flight; among equals the one that waited longest.
func (LeastInFlight) Choose(cs []Candidate, _ uint64) int {
	return first(cs, func(a, b Candidate) int { return cmp.Or(cmp.Compare(a.InFlight, b.InFlight), waited(a, b)) })
}
