package strategy

// LowestNonce is the default: the wallet with the lowest cursor, and equals by turns.
type LowestNonce struct{}

// Name is what the configuration calls it.
func (LowestNonce) Name() string { return "lowest-nonce" }

// Choose picks the lowest cursor; among n equals the one numbered turn modulo n.
func (LowestNonce) Choose(cs []Candidate, turn uint64) int {
	lowest, equals := cs[0].Nonce, uint64(0)
	for _, c := range cs {
		switch {
		case c.Nonce < lowest:
			lowest, equals = c.Nonce, 1
		case c.Nonce == lowest:
			equals++
		}
	}
	skip := turn % equals
	for i, c := range cs {
		if c.Nonce != lowest {
			continue
		}
		if skip == 0 {
			return i
		}
		skip--
	}
	return 0
}
