package store

import (
	"context"
	"time"
)

// Alarm is something that an operator has to know. It is open until EndedAt is set.
type Alarm struct {
	ID        int64
	Key       string // what makes it the same alarm: at most one with a key is open
	Kind      string // foreign_use, no_funds, …: a closed list, the engine's
	ChainType string
	ChainID   int64
	WalletID  int64  // 0: about no wallet
	Address   string // of that wallet; read only
	Payment   string // payment id; empty: about none
	Brake     bool   // while it is open, the wallet, or every wallet of the chain if WalletID is 0, gets no new payment
	Sticky    bool   // only a person ends it
	Why       string // what was seen
	ToDo      string // what to do about it
	Since     time.Time
	SeenAt    time.Time // when it was raised last
	EndedAt   time.Time // zero: open
	EndedBy   string    // actor
}

// AlarmFilter selects alarms; a zero field selects all.
type AlarmFilter struct {
	Open      bool
	Keys      []string
	Kinds     []string
	ChainType string
	ChainID   *int64
	WalletIDs []int64
	Payments  []string
	// ChangedAfter selects those that were opened or ended after that.
	ChangedAfter time.Time
	Limit        int // 0: no limit
	Newest       bool
}

// AlarmReader is the part of Reader that is about alarms.
type AlarmReader interface {
	// Alarms lists alarms, by id.
	Alarms(ctx context.Context, f AlarmFilter) ([]Alarm, error)
}

// AlarmWriter is the part of Tx that is about alarms.
type AlarmWriter interface {
	// RaiseAlarms opens alarms. One whose key is open stays that alarm, with its Since, and gets the new Why, ToDo, Brake and
	// SeenAt; nothing is written if these are as they were and SeenAt is less than a minute old.
	RaiseAlarms(ctx context.Context, as []Alarm) error
	// EndAlarms ends the open alarms with these keys, sticky or not. It is no error if there is none.
	EndAlarms(ctx context.Context, keys []string, by string) error
}
