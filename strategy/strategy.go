// Package strategy holds the ways to choose the hot wallet that pays.
//
// A strategy is a small value behind one interface. It is asked while the wallets are locked, with only those that may pay
// now: whether a wallet is active, has its key at a reachable signing machine, has room and has funds is decided before it
// is asked, and no strategy can change that. So a strategy can be unfair or slow, but not unsafe.
package strategy

// Candidate is a wallet that may be chosen.
type Candidate struct {
	WalletID int64
	Address  string
	Nonce    uint64 // the cursor, after what the same batch gave already
	InFlight int    // nonces reserved, or asked for and not final, with what the same batch gave already
}

// Strategy chooses one of several wallets.
//
// Choose returns an index into cs, which is not empty and ordered by WalletID. It is called under a lock and possibly twice
// for one choice, so it must be quick, and the same arguments should get the same answer. turn counts the choices of this
// process, from 0, and is what makes equals take turns. An index out of range refuses the caller.
type Strategy interface {
	Name() string
	Choose(cs []Candidate, turn uint64) int
}

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
