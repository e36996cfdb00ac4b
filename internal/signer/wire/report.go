package wire

import (
	"time"

	"coffer.internal/signing"
)

// Report is the long form of a machine's status: what whoever watches it wants to see. All that is journaled is of one moment.
type Report struct {
	signing.Status
	At        time.Time       `json:"at"`        // the journal's time, by which limits are counted
	Freeze    *FreezeReport   `json:"freeze"`    // null: it is not frozen
	Addresses []AddressReport `json:"addresses"` // of all keys, in order
	Limits    []LimitReport   `json:"limits"`
	Ledgers   []LedgerReport  `json:"ledgers"`
	Log       *LogReport      `json:"log"`  // of requests; null: the machine keeps none
	Copy      *CopyReport     `json:"copy"` // the second copy; null: answers wait for none
}

// FreezeReport is a freeze that is on.
type FreezeReport struct {
	ID      string        `json:"id"` // empty: it could not be written down yet
	Since   time.Time     `json:"since"`
	Reasons []FreezeCause `json:"reasons"`
}

// FreezeCause is why, since when, and by whom.
type FreezeCause struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

// AddressReport is a key of the machine.
type AddressReport struct {
	ChainType string        `json:"chain_type"`
	Address   string        `json:"address"`
	Account   string        `json:"account"` // hot, cold, vault
	Ledger    string        `json:"ledger"`  // the one that may have it sign
	Path      string        `json:"path"`
	Chains    []ChainReport `json:"chains"` // where something is signed with it, or marked
}

// ChainReport is an account on one chain.
type ChainReport struct {
	ChainID int64   `json:"chain_id"`
	Mark    uint64  `json:"mark"`    // the lowest nonce at which anything is still signed first
	Highest *uint64 `json:"highest"` // the highest nonce that something is signed at; null: there is none
}

// LimitReport is a limit of the policy, with what of it is used.
type LimitReport struct {
	Rule    string       `json:"rule"`
	Scope   string       `json:"scope"` // each_key, all_keys
	Chain   string       `json:"chain"` // evm:1; empty: nothing is counted in this scope yet
	Asset   string       `json:"asset"`
	Address string       `json:"address"` // empty: all keys together
	Hour    WindowReport `json:"hour"`    // the running hour
	Day     WindowReport `json:"day"`     // the running 24 hours
}

// WindowReport is what is used in one window, each null if it has no limit there.
type WindowReport struct {
	Amount *UsedAmount `json:"amount"` // base units of the asset
	Fee    *UsedAmount `json:"fee"`    // base units of the chain's own coin
	Count  *UsedCount  `json:"count"`  // transactions
}

// UsedAmount are base units, decimal.
type UsedAmount struct {
	Used  string `json:"used"`
	Limit string `json:"limit"`
}

// UsedCount are transactions.
type UsedCount struct {
	Used  int `json:"used"`
	Limit int `json:"limit"`
}

// LedgerReport is what a ledger was answered.
type LedgerReport struct {
	Ledger  string `json:"ledger"`
	Receipt uint64 `json:"receipt"` // the number of the last answer
	Entries uint64 `json:"entries"` // how many answers the journal has: fewer than that if a loaded one has holes
}

// LogReport is the end of the log of requests: what `coffer-signer log verify --head` takes as SEQ:HASH.
type LogReport struct {
	Seq     uint64 `json:"seq"`
	Hash    string `json:"hash"`
	Failing bool   `json:"failing"` // it cannot be written, and nothing is signed
}

// What a second copy is at.
const (
	CopyFollows = "follows" // every answer that was given is in it
	CopyFails   = "fails"   // it cannot be written, and nothing is answered
	CopyAhead   = "ahead"   // it has answers that the journal has not: the journal went back
)

// CopyReport is the second copy, as the last commit left it.
type CopyReport struct {
	Path  string `json:"path"`
	State string `json:"state"`
	Bytes int64  `json:"bytes"`
	Error string `json:"error"` // why it fails
}

// KeysOf are the keys of a ledger.
func (r Report) KeysOf(ledger string) []signing.KnownKey {
	var all []signing.KnownKey
	for _, a := range r.Addresses {
		if a.Ledger != ledger {
			continue
		}
		k := signing.KnownKey{Key: signing.Key{Address: a.Address, ChainType: a.ChainType, Device: r.Device, Path: a.Path}, Account: a.Account}
		for _, c := range a.Chains {
			next := c.Mark
			if c.Highest != nil {
				next = max(next, *c.Highest+1)
			}
			k.Chains = append(k.Chains, signing.KnownChain{ChainID: c.ChainID, Next: next})
		}
		all = append(all, k)
	}
	return all
}
