package store

import (
	"context"
	"errors"
	"time"
)

// Event is one change of a withdrawal or of an attempt: a state, an outcome, a reason or a note that is another one than before.
// The database writes it with the change itself; nothing changes or deletes one.
type Event struct {
	Cursor    string // where to read on after it, in the order of Settled; opaque
	ID        int64  // rising in the order in which they were written
	At        time.Time
	Actor     string // who wrote
	Subject   string // withdrawal, attempt
	Payment   string // payment id; empty for a gap fill
	ChainType string
	ChainID   int64
	From      string // state before; empty: it begins
	To        string // state after
	Outcome   string // of a withdrawal that ended
	Detail    string // why it waits or ended so; of an attempt, its note

	Attempt  int64 // id; 0: about the withdrawal
	Purpose  string
	WalletID int64   // 0: it had no nonce
	Address  string  // of that wallet
	Nonce    *uint64 // nil: none
	Hash     string  // of the attempt; of a withdrawal's event, that of the transaction on the chain, else of the newest attempt
}

// The subjects of an event.
const (
	SubjectWithdrawal = "withdrawal"
	SubjectAttempt    = "attempt"
)

// EventFilter selects events; a zero field selects all.
type EventFilter struct {
	Payments  []string
	Subjects  []string
	ChainType string
	ChainID   *int64
	// Settled gives only events before which no other can appear any more, in the order of their cursors; so whoever reads on after
	// the last one misses none. On PostgreSQL an event settles when every transaction of the whole server that began to write before
	// it has ended. Without it all that are there are given, by id.
	Settled bool
	After   string // a cursor, with Settled: only what comes after it; "" or "0": from the beginning
	Limit   int
}

// ErrBadCursor: EventFilter.After is no cursor of this database.
var ErrBadCursor = errors.New("no cursor of this database")

// EventReader is the part of Reader that is about events.
type EventReader interface {
	// Events lists events. ErrBadCursor if After cannot be one.
	Events(ctx context.Context, f EventFilter) ([]Event, error)
}

// TopicWithdrawals is what Listen hears when a withdrawal ended, or waits for a person. What else became of withdrawals is not told.
const TopicWithdrawals = "withdrawals"
