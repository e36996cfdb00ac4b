// Package withdrawal takes customers' withdrawals in, and moves each to its end, exactly once.
//
// Words: a withdrawal is one accepted payment; its payment id is the request id it came with ("#" and the row behind it for
// one paid from a reservation of several). An attempt is one complete intent at a nonce, and what became of it. The desk
// (Desk) accepts; the engine (Engine) pays. A lane is the engine's part for one chain.
//
// The promise: a withdrawal that was accepted is paid at most once, and it ends, or waits for something that its reason
// names. It holds because every step writes down what it is about to do before it does it, and what was written is done
// again to the letter after any doubt: the same nonce, the same intent, the same bytes. What state may follow what stands in
// one table (states.go, docs/state-machine.md).
//
// For whoever calls: debit the customer before submitting; refund only on refused, failed or cancelled; submit again with
// the same request id as often as you like; a new request id is a new payment.
package withdrawal

import (
	"math/big"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// Asset is a coin or token that can be paid.
type Asset struct {
	Symbol   string
	Contract string // canonical address; empty: the chain's own coin
	Decimals int    // one is 10^Decimals base units
}

// ChainSetup is one chain as the desk and the engine use it.
type ChainSetup struct {
	Type       string
	ID         int64
	Chain      chain.Chain
	MaxUnmined int           // room per wallet: payments under way and not yet in a block
	Poll       time.Duration // how often the nodes are asked for news
	BumpAfter  time.Duration // how long blocks may pass a transaction by before its fees are raised; 0: never by itself
	HeadMaxAge time.Duration // how old the newest block may be before nothing new is paid; 0: any age
	StuckAfter time.Duration // how long a wallet's lowest nonce may be in no block; 0: DefaultStuckAfter
	Native     Asset
	Assets     map[string]Asset // by symbol
	// MaxFee is the cap on the fee that authorizations name which are signed here, in base units of the coin; nil: a tenth of a coin.
	MaxFee *big.Int
}

// Request is a withdrawal as a caller asks for it.
type Request struct {
	ID        string // request id, the caller's own: one id, one payment
	ChainID   int64
	To        string // the customer's address
	Amount    string // decimal, as in 1.25; or whole base units with BaseUnits
	Asset     string // symbol; empty: the chain's own coin
	BaseUnits bool
	// Authorizations are the tokens of those who may allow payments, at most 8; only the signing machine says whose it wants. They are no
	// part of the request's content: with the same id they may come again, newer, as long as nothing is asked for.
	Authorizations []string
}

// Withdrawal is an accepted payment as callers and operators see it.
type Withdrawal struct {
	Request   string     `json:"request"` // payment id
	State     string     `json:"state"`   // queued, assigned, needs_review, held, ended
	Outcome   string     `json:"outcome"` // of an ended one: paid, failed, refused, cancelled
	Reason    string     `json:"reason"`  // why it waits, or why it ended so
	ChainType string     `json:"chain_type"`
	ChainID   int64      `json:"chain_id"`
	To        string     `json:"to"`
	Asset     string     `json:"asset"`
	Amount    string     `json:"amount"`         // base units
	Decimal   string     `json:"amount_decimal"` // in whole coins
	Wallet    string     `json:"wallet"`         // the address that pays; empty before one is chosen
	Nonce     *uint64    `json:"nonce"`
	Hash      string     `json:"hash"` // of the newest attempt's transaction
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	EndedAt   *time.Time `json:"ended_at"`
	// AuthorizedUntil is when the first of its authorizations expires; nil: it came with none.
	AuthorizedUntil *time.Time `json:"authorized_until"`

	attempt string // state of the newest attempt
}

// The states of a Withdrawal.
const (
	Queued      = store.WithdrawalQueued      // accepted; no wallet yet
	Assigned    = store.WithdrawalAssigned    // it has a wallet and a nonce
	NeedsReview = store.WithdrawalNeedsReview // only a person can move it
	Held        = store.WithdrawalHeld        // after a restore, until it is submitted again
	Ended       = store.WithdrawalEnded
)

// The outcomes of one that has ended. Refund on all but Paid.
const (
	Paid      = store.OutcomePaid      // final, and exactly what was asked for was transferred
	Failed    = store.OutcomeFailed    // final, and the chain undid it
	Refused   = store.OutcomeRefused   // nothing was signed
	Cancelled = store.OutcomeCancelled // its own cancellation is final
)

// Attempt is one intent at a nonce, and what became of it.
type Attempt = store.Attempt

// book knows the configured chains and their assets.
type book []ChainSetup

func (b book) find(chainType string, id int64) (ChainSetup, bool) {
	for _, s := range b {
		if s.Type == chainType && s.ID == id {
			return s, true
		}
	}
	return ChainSetup{}, false
}

// asset finds what a row was accepted for. The symbol may have left the configuration since; then its decimals are unknown.
func (b book) asset(row store.Withdrawal) (Asset, bool) {
	s, ok := b.find(row.ChainType, row.ChainID)
	if !ok {
		return Asset{}, false
	}
	if row.Contract == "" {
		return s.Native, true
	}
	a, ok := s.Assets[row.Asset]
	return a, ok && a.Contract == row.Contract
}

// show is a row as callers see it.
func (b book) show(row store.Withdrawal) Withdrawal {
	w := Withdrawal{
		Request: row.Payment, State: row.State, Outcome: row.Outcome, Reason: row.Reason, ChainType: row.ChainType, ChainID: row.ChainID,
		To: row.To, Asset: row.Asset, Amount: row.Amount, Decimal: row.Amount + " base units", Wallet: row.Address, Nonce: row.Nonce, Hash: row.Hash,
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), attempt: row.Attempt,
	}
	if a, ok := b.asset(row); ok {
		w.Asset, w.Decimal = a.Symbol, FormatAmount(row.Amount, a.Decimals)
	}
	if !row.EndedAt.IsZero() {
		ended := row.EndedAt.UTC()
		w.EndedAt = &ended
	}
	if !row.AuthorizedUntil.IsZero() {
		until := row.AuthorizedUntil.UTC()
		w.AuthorizedUntil = &until
	}
	if w.Reason == "" {
		w.Reason = waitsFor(row)
	}
	return w
}

// pausedBy says of a payment that would go on by itself that the ledger is paused.
func (w Withdrawal) pausedBy(m store.RestoreMark) Withdrawal {
	if m.Paused && (w.State == store.WithdrawalQueued || w.State == store.WithdrawalAssigned) {
		w.Reason = storefault.PausedWhy(m)
	}
	return w
}

// waitsFor is what a payment waits for when nothing is in its way: that goes without a write, so it is told from where it stands.
func waitsFor(row store.Withdrawal) string {
	switch {
	case row.State == store.WithdrawalQueued:
		return "its turn has not come"
	case row.State == store.WithdrawalAssigned && row.Attempt == store.AttemptAsked:
		return "the signing machine has not answered yet (coffer-signer status)"
	}
	return ""
}
