package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanOperator(rs pgx.Rows, o *store.Operator) error {
	return rs.Scan(&o.ID, &o.Name, &o.Role, &o.Key, &o.Fingerprint, when{&o.AddedAt}, when{&o.RevokedAt})
}

func scanProposal(rs pgx.Rows, p *store.Proposal) error {
	return rs.Scan(&p.ID, &p.Act, &p.Reason, &p.Preview, &p.Digest, &p.Maker, &p.MakerKey, &p.Signed, when{&p.MadeAt}, when{&p.ExpiresAt},
		&p.State, when{&p.EndedAt}, &p.EndedBy)
}

// Operators lists all keys that were ever named.
func (r *reader) Operators(context.Context) ([]store.Operator, error) {
	text, args := where("operators").order("id", 0)
	return rows(r, text, scanOperator, args...)
}

// LockOperators locks the table and reads it, in statements of their own: the second sees what the last holder left.
func (t *tx) LockOperators(context.Context) (all []store.Operator, err error) {
	text, args := where("operators").order("id", 0)
	return all, t.run(step{text: queries["operators_lock"]}, query(&all, text, scanOperator, args...))
}

// AddOperator names an operator.
func (t *tx) AddOperator(_ context.Context, o store.Operator) error {
	return t.run(exactly(1, "name an operator", queries["operator_add"], o.Name, o.Role, o.Key, o.Fingerprint))
}

// RevokeOperator revokes a key.
func (t *tx) RevokeOperator(_ context.Context, id int64) error {
	return t.run(exactly(1, fmt.Sprintf("revoke operator %d", id), queries["operator_revoke"], id))
}

// Proposals lists proposals.
func (r *reader) Proposals(_ context.Context, f store.ProposalFilter) ([]store.Proposal, error) {
	text, args := where("proposals").and(f.ID > 0, "id = ?", f.ID).and(f.State != "", "state = ?", f.State).order("id", 0)
	return rows(r, text, scanProposal, args...)
}

// AddProposal writes an open proposal.
func (t *tx) AddProposal(_ context.Context, p store.Proposal, valid time.Duration) (store.Proposal, error) {
	added, err := rows(&t.reader, queries["proposal_add"], scanProposal, p.Act, p.Reason, p.Preview, p.Digest, p.Maker, p.MakerKey, p.Signed,
		valid.Microseconds())
	if err != nil {
		return store.Proposal{}, err
	}
	return added[0], nil
}

// MoveProposal ends an open proposal.
func (t *tx) MoveProposal(_ context.Context, m store.ProposalMove) error {
	return t.run(exactly(1, fmt.Sprintf("end proposal %d", m.ID), queries["proposal_move"], m.ID, m.To, m.By))
}

// UseStatement notes that a statement was used. Whoever comes at the same moment waits for the first one's commit, and then sees it.
func (t *tx) UseStatement(_ context.Context, id, user string) (first bool, err error) {
	scan := func(rs pgx.Rows, s *string) error { return rs.Scan(s) }
	var mine, by []string
	err = t.run(query(&mine, queries["statement_use"], scan, id, user), query(&by, queries["statement_user"], scan, id))
	switch {
	case err != nil:
		return false, err
	case len(by) != 1 || by[0] != user:
		return false, t.fail(fmt.Errorf("statement %s was used before: %w", id, store.ErrExists))
	}
	return len(mine) == 1, nil
}
