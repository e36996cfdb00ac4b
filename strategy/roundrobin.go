package strategy

import "cmp"

// RoundRobin gives every wallet its turn: the one whose last turn is longest ago, whatever their cursors are.
//
// A wallet that could not be chosen for a while (no room, no funds, inactive) is next when it can be again, and gets one
// turn, not all that it missed. Turns are counted by each process for itself; wallets that a process has not chosen yet go
// first, the one whose row changed longest ago before the others. So commands that run one after the other take turns too.
type RoundRobin struct{}

// Name is what the configuration calls it.
func (RoundRobin) Name() string { return "round-robin" }

// Choose picks the wallet that waited longest.
func (RoundRobin) Choose(cs []Candidate, _ uint64) int { return first(cs, waited) }

// waited orders by the last turn, longest ago first; wallets without one by when their rows changed.
func waited(a, b Candidate) int {
	if a.Turn != b.Turn || a.Turn != 0 {
		return cmp.Compare(a.Turn, b.Turn)
	}
	return a.Changed.Compare(b.Changed)
}

// first is the index of the candidate that comes before all others; of equals the one with the lowest id.
func first(cs []Candidate, order func(a, b Candidate) int) int {
	best := 0
	for i := range cs {
		if order(cs[i], cs[best]) < 0 {
			best = i
		}
	}
	return best
}
