package derive

import (
	"fmt"
	"slices"

	"coffer.internal/internal/fault"
)

// Account sets keys of different use apart: each has its own hardened step in their paths.
type Account string

// The accounts, in the order of their numbers.
const (
	Hot   Account = "hot"   // pays customers, on a machine that is reachable
	Cold  Account = "cold"  // holds most of the coins, on a machine without network
	Vault Account = "vault" // holds what is hardly ever moved
)

// Accounts are all accounts, each at the place of its number.
func Accounts() []Account { return []Account{Hot, Cold, Vault} }

// ParseAccount reads an account; empty is hot.
func ParseAccount(s string) (Account, error) {
	if s == "" {
		return Hot, nil
	}
	a := Account(s)
	if _, err := a.number(); err != nil {
		return "", err
	}
	return a, nil
}

// number is the account's in paths.
func (a Account) number() (int, error) {
	n := slices.Index(Accounts(), a)
	if n < 0 {
		return 0, fault.New(fault.Usage, "bad_account", "hot, cold or vault", "there is no account %q", string(a))
	}
	return n, nil
}

// CounterOf names the counter that an account's indexes come from, on the networks of this one (Counter). That of the hot account is the
// network's own name: it was there before the others.
func CounterOf(network string, a Account) string {
	if a == Hot {
		return network
	}
	return network + "/" + string(a)
}

// AccountOf reads account and index from a path that Path made for the chain. Any other path is an error: this machine has no such key.
func AccountOf(chainType string, chainID int64, path string) (a Account, index uint32, err error) {
	steps, err := parse(path)
	if err != nil || len(steps) < 2 {
		return "", 0, notOurs(chainType, path)
	}
	for _, a := range Accounts() {
		i := steps[len(steps)-1]
		if chainType == Solana {
			i = steps[len(steps)-2] - hardened
		}
		if i > MaxIndex {
			continue
		}
		if made, err := Path(a, chainType, chainID, i); err == nil && made == path {
			return a, i, nil
		}
	}
	return "", 0, notOurs(chainType, path)
}

func notOurs(chainType, path string) error {
	return fmt.Errorf("path %q is none that this machine gives to keys of %s", path, chainType)
}
