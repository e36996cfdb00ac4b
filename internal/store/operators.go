package store

import (
	"context"
	"time"
)

// Operator is somebody who may do administrative things, by one key. Who gets another key has another row with the same name: at most one
// row of a name is not revoked. No row is ever deleted, so no key ever becomes somebody else's.
type Operator struct {
	ID          int64
	Name        string
	Role        string // viewer, operator, officer, auditor
	Key         string // as in authorized_keys: algorithm and base64, no comment
	Fingerprint string // SHA256:…, as ssh-keygen -l says it
	AddedAt     time.Time
	RevokedAt   time.Time // zero: it is good
}

// The states of a proposal. Only an open one becomes another; one whose time is over stays open, and nobody may approve it.
const (
	ProposalOpen      = "open"
	ProposalDone      = "done"
	ProposalWithdrawn = "withdrawn"
)

// Proposal is something that one person wants done and another one has to approve.
type Proposal struct {
	ID        int64
	Act       string // what is to be done, as it was signed
	Reason    string
	Preview   string // what it does, as it was shown
	Digest    string // over act, reason and preview; the signatures are over it
	Maker     string // name
	MakerKey  string // fingerprint
	Signed    string // the maker's signature, as in AuditRow
	MadeAt    time.Time
	ExpiresAt time.Time
	State     string
	EndedAt   time.Time // zero: open
	EndedBy   string    // name of who approved or withdrew it
}

// ProposalFilter selects proposals; a zero field selects all.
type ProposalFilter struct {
	ID    int64
	State string
}

// ProposalMove is a compare-and-set on a proposal's state, from open.
type ProposalMove struct {
	ID int64
	To string
	By string
}

// OperatorReader is the part of Reader that is about operators.
type OperatorReader interface {
	// Operators lists all keys that were ever named, by id, those that are revoked too.
	Operators(ctx context.Context) ([]Operator, error)
	// Proposals lists proposals, by id.
	Proposals(ctx context.Context, f ProposalFilter) ([]Proposal, error)
}

// OperatorWriter is the part of Tx that is about operators.
type OperatorWriter interface {
	// LockOperators is Operators, and nobody else names or revokes one before the transaction ends.
	LockOperators(ctx context.Context) ([]Operator, error)
	// AddOperator names an operator. ErrExists if the key was ever named, or the name has a key that is not revoked. AddedAt is the store's
	// clock's.
	AddOperator(ctx context.Context, o Operator) error
	// RevokeOperator revokes the key with that id. ErrStale if it is revoked, or not there.
	RevokeOperator(ctx context.Context, id int64) error
	// AddProposal writes an open proposal that ends after valid, and returns it with id and times.
	AddProposal(ctx context.Context, p Proposal, valid time.Duration) (Proposal, error)
	// MoveProposal moves an open proposal to another state. ErrStale if it is not open.
	MoveProposal(ctx context.Context, m ProposalMove) error
	// UseStatement notes that a signed statement was used, by its id, by a user of it: a statement is good for one user. first: nobody used
	// it before. Used before by another one: ErrExists.
	UseStatement(ctx context.Context, id, user string) (first bool, err error)
}
