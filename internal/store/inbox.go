package store

import (
	"context"
	"time"
)

// Inbox is what a Tx offers whose database takes withdrawals in by SQL.
type Inbox interface {
	// TakeInbox gives new rows, oldest first, and keeps them from others until the transaction ends. Rows that another one has taken are
	// passed over.
	TakeInbox(ctx context.Context, limit int) ([]InboxRow, error)
	// DecideInbox writes what became of rows that this transaction took. ErrStale if one is neither new nor a renewal.
	DecideInbox(ctx context.Context, decided []InboxDecision) error
}

// InboxRow is a withdrawal that a program put in by SQL, as it wrote it.
type InboxRow struct {
	Seq     int64
	Request string
	ChainID int64
	To      string
	Amount  string // decimal
	Asset   string // symbol; empty: the chain's own coin
	Tokens  []string
	Renewal bool   // it was accepted before, and brings other authorizations: whatever becomes of them, it stays accepted
	By      string // role
	At      time.Time
}

// InboxDecision is what became of one.
type InboxDecision struct {
	Seq     int64
	Refusal string // why it is refused; empty: accepted
}

// TopicInbox is what Listen hears when a row was put into the inbox.
const TopicInbox = "inbox"
