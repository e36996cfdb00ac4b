package operators

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"coffer.internal/internal/fault"
)

// Purpose is what a statement does about its act.
type Purpose string

// The purposes.
const (
	Do         Purpose = "do"          // has it done
	Propose    Purpose = "propose"     // wants it done, by another one's approval
	Approve    Purpose = "approve"     // has it done, as another one proposed it
	BreakGlass Purpose = "break_glass" // has it done as it was proposed, alone
)

// Fresh is how long a statement is good, by the store's clock.
const Fresh = 5 * time.Minute

// Statement is what an operator signs.
type Statement struct {
	V        int             `json:"v"`
	Ledger   string          `json:"ledger"`
	Purpose  Purpose         `json:"purpose"`
	Operator string          `json:"operator"` // name
	Proposal *ProposalRef    `json:"proposal,omitempty"`
	Act      json.RawMessage `json:"act"` // Act.Brief
	Reason   string          `json:"reason"`
	At       time.Time       `json:"at"` // RFC 3339, UTC
	ID       string          `json:"id"` // 16 random bytes, used once
}

// ProposalRef says which proposal a statement is about: by its digest, and by its number once it has one.
type ProposalRef struct {
	ID     int64  `json:"id,omitempty"`
	Digest string `json:"digest"`
}

const statementVersion = 1

// NewStatement makes a statement that nobody has signed yet.
func NewStatement(ledger string, p Purpose, operator string, a Act, reason string, at time.Time) Statement {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return Statement{
		V: statementVersion, Ledger: ledger, Purpose: p, Operator: operator, Act: a.Brief(), Reason: reason,
		At: at.UTC().Truncate(time.Microsecond), ID: hex.EncodeToString(id),
	}
}

// Line is the statement as it is signed: one line of JSON with the fields in their order.
func (s Statement) Line() []byte { return line(s) }

// ParseStatement reads what Line writes, and nothing else.
func ParseStatement(b []byte) (Statement, error) {
	var s Statement
	err := strict(b, &s)
	if err == nil && (!bytes.Equal(s.Line(), b) || s.V != statementVersion || len(s.ID) != 32) {
		err = fmt.Errorf("it is not in its one encoding")
	}
	if err != nil {
		return Statement{}, fault.New(fault.NotAllowed, "bad_statement", "sign it anew: say the command again", "this is no statement of an operator: %v", err)
	}
	return s, nil
}
