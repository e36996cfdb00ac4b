package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"coffer.internal/internal/store"
)

func scanOperator(rs *sql.Rows, o *store.Operator) error {
	return rs.Scan(&o.ID, &o.Name, &o.Role, &o.Key, &o.Fingerprint, when{&o.AddedAt}, when{&o.RevokedAt})
}

func scanProposal(rs *sql.Rows, p *store.Proposal) error {
	return rs.Scan(&p.ID, &p.Act, &p.Reason, &p.Preview, &p.Digest, &p.Maker, &p.MakerKey, &p.Signed, when{&p.MadeAt}, when{&p.ExpiresAt},
		&p.State, when{&p.EndedAt}, &p.EndedBy)
}

// Operators lists all keys that were ever named.
func (r *reader) Operators(context.Context) ([]store.Operator, error) {
	text, args := where("operators").order("id", 0)
	return rows(r, text, scanOperator, args...)
}

// LockOperators is Operators: the transaction is the lock.
func (t *tx) LockOperators(ctx context.Context) ([]store.Operator, error) { return t.Operators(ctx) }

// AddOperator names an operator.
func (t *tx) AddOperator(_ context.Context, o store.Operator) error {
	_, err := t.exec(queries["operator_add"], o.Name, o.Role, o.Key, o.Fingerprint, text(t.now))
	return err
}

// RevokeOperator revokes a key.
func (t *tx) RevokeOperator(_ context.Context, id int64) error {
	return t.one(fmt.Sprintf("revoke operator %d", id), queries["operator_revoke"], id, text(t.now))
}

// Proposals lists proposals.
func (r *reader) Proposals(_ context.Context, f store.ProposalFilter) ([]store.Proposal, error) {
	text, args := where("proposals").and(f.ID > 0, "id = ?", f.ID).and(f.State != "", "state = ?", f.State).order("id", 0)
	return rows(r, text, scanProposal, args...)
}

// AddProposal writes an open proposal.
func (t *tx) AddProposal(_ context.Context, p store.Proposal, valid time.Duration) (store.Proposal, error) {
	if _, err := t.exec(queries["proposal_add"], p.Act, p.Reason, p.Preview, p.Digest, p.Maker, p.MakerKey, p.Signed, text(t.now),
		text(t.now.Add(valid))); err != nil {
		return store.Proposal{}, err
	}
	added, err := rows(&t.reader, queries["proposal_newest"], scanProposal)
	if err != nil {
		return store.Proposal{}, err
	}
	return added[0], nil
}

// MoveProposal ends an open proposal.
func (t *tx) MoveProposal(_ context.Context, m store.ProposalMove) error {
	return t.one(fmt.Sprintf("end proposal %d", m.ID), queries["proposal_move"], m.ID, m.To, m.By, text(t.now))
}

// UseStatement notes that a statement was used.
func (t *tx) UseStatement(_ context.Context, id, user string) (first bool, err error) {
	n, err := t.exec(queries["statement_use"], id, user, text(t.now))
	if err != nil || n == 1 {
		return true, err
	}
	by, err := rows(&t.reader, queries["statement_user"], func(rs *sql.Rows, s *string) error { return rs.Scan(s) }, id)
	if err != nil {
		return false, err
	}
	if len(by) != 1 || by[0] != user {
		return false, fmt.Errorf("statement %s was used before: %w", id, store.ErrExists)
	}
	return false, nil
}
