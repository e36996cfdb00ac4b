// Package auditlog keeps the audit rows in a Merkle tree (RFC 6962) whose signed heads outsiders keep: whoever holds a checkpoint and the
// public key finds out, without trusting the database or whoever runs it, that a row was changed, taken out, put in between, or that the
// whole log was put back.
//
// Checkpoints are C2SP tlog-checkpoints, signed notes (golang.org/x/mod/sumdb/note); proofs are C2SP tlog-proofs.
package auditlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/store"
)

// row is an audit row as it is hashed, exported and proven.
type row struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"` // RFC 3339, UTC, microseconds
	Actor   string    `json:"actor"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Before  string    `json:"before"`
	After   string    `json:"after"`
	Result  string    `json:"result"`
	Reason  string    `json:"reason"`
	// Signed came later: it is not there where nobody signed, so that older rows keep their bytes.
	Signed string `json:"signed,omitempty"`
}

// Encode is the one encoding of an audit row: JSON with the fields in this order, no white space, <, > and & as they are. Its RFC 6962 leaf
// hash is SHA-256 of a zero byte and these bytes. It is also a line of `coffer audit export`, so that an export can be checked by itself.
func Encode(a store.AuditRow) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(row{a.ID, a.At.UTC().Truncate(time.Microsecond), a.Actor, a.Action, a.Subject, a.Before, a.After, a.Result, a.Reason, a.Signed})
	if err != nil {
		panic("auditlog: a row holds text, a number and a time of this era: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Decode reads what Encode writes, and nothing else.
func Decode(b []byte) (store.AuditRow, error) {
	var r row
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return store.AuditRow{}, fmt.Errorf("read an audit row: %w", err)
	}
	a := store.AuditRow{ID: r.ID, At: r.At, Actor: r.Actor, Action: r.Action, Subject: r.Subject, Before: r.Before, After: r.After, Result: r.Result, Reason: r.Reason, Signed: r.Signed}
	if !bytes.Equal(Encode(a), b) {
		return store.AuditRow{}, fmt.Errorf("read an audit row: not in its canonical encoding")
	}
	return a, nil
}

func leaf(a store.AuditRow) tlog.Hash { return tlog.RecordHash(Encode(a)) }
