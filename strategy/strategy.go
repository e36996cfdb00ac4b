// Package strategy holds the ways to choose the hot wallet that pays.
//
// A strategy is a small value behind one interface. It is asked while the wallets are locked, with only those that may pay
// now: whether a wallet is active, has its key at a reachable signing machine, has room and has funds is decided before it
// is asked, and no strategy can change that. So a strategy can be unfair or slow, but not unsafe.
//
// coffer.toml names one per chain. Three are built in; a Go program brings its own by name (coffer.Options.Strategies).
package strategy

import "time"

// Candidate is a wallet that may be chosen.
type Candidate struct {
	WalletID int64
	Address  string
	Nonce    uint64    // the cursor, after what the same batch gave already
	InFlight int       // nonces reserved, or asked for and not final, with what the same batch gave already
	Turn     uint64    // the turn after which this process chose it last; 0: not yet
	Changed  time.Time // when its row changed last, by whichever process: as a rule when it was given its last nonce
}

// Strategy chooses one of several wallets.
//
// Choose returns an index into cs, which is not empty and ordered by WalletID. It is called under a lock and possibly twice
// for one choice, so it must be quick, and the same arguments should get the same answer. turn counts the choices of this
// process, from 0, and is what makes equals take turns. Several goroutines may call at once. An index out of range, and a
// panic, refuse the caller; nothing is given then.
type Strategy interface {
	Name() string
	Choose(cs []Candidate, turn uint64) int
}

// BuiltIn are the strategies that every program knows, the default first.
func BuiltIn() []Strategy { return []Strategy{LowestNonce{}, RoundRobin{}, LeastInFlight{}} }
