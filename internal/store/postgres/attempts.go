package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanAttempt(rs pgx.Rows, a *store.Attempt) error {
	return rs.Scan(&a.ID, &a.WalletID, &a.Address, &a.ChainType, &a.ChainID, &a.Nonce, &a.Payment, &a.Purpose, &a.Digest, &a.Intent,
		&a.State, &a.Raw, &a.Hash, &a.Note, &a.Refusal, &a.Receipt.Device, &a.Receipt.Seq, &a.Receipt.Signature, &a.BlockNumber, &a.BlockHash, &a.Success, &a.Fee,
		when{&a.AskedAt}, when{&a.SignedAt}, when{&a.SentAt}, when{&a.MinedAt}, when{&a.FinalAt}, when{&a.UpdatedAt})
}

func scanBare(rs pgx.Rows, a *store.Attempt) error {
	return rs.Scan(&a.ID, &a.WalletID, &a.Nonce, &a.State, &a.Note, when{&a.SignedAt}, when{&a.SentAt}, when{&a.UpdatedAt})
}

// Attempts lists attempts.
func (r *reader) Attempts(_ context.Context, f store.AttemptFilter) ([]store.Attempt, error) {
	query, scan := "attempts", scanAttempt
	if f.Bare {
		query, scan = "attempts_bare", scanBare
	}
	q := where(query).
		and(f.IDs != nil, "a.id = ANY (?::bigint[])", f.IDs).
		and(f.States != nil, "a.state = ANY (?::text[])", f.States).
		and(f.ChainType != "", "i.chain_type = ?", f.ChainType).
		and(f.WalletID != 0, "a.wallet_id = ?", f.WalletID).
		and(f.WalletIDs != nil, "a.wallet_id = ANY (?::bigint[])", f.WalletIDs).
		and(f.Payments != nil, "a.payment = ANY (?::text[])", f.Payments).
		and(f.Digests != nil, "a.digest = ANY (?::text[])", f.Digests).
		and(f.FromNonce != 0, "a.nonce >= ?", f.FromNonce).
		and(f.Device != "", "i.device = ?", f.Device).
		and(f.AfterID > 0, "a.id > ?", f.AfterID).
		and(!f.FinalFrom.IsZero(), "a.final_at >= ?", f.FinalFrom).
		and(!f.FinalUntil.IsZero(), "a.final_at < ?", f.FinalUntil).
		plain(f.Orphan, queries["attempt_orphan"]).
		plain(f.Beaten, queries["attempt_beaten"])
	if f.ChainID != nil {
		q.and(true, "i.chain_id = ?", *f.ChainID)
	}
	if f.Nonce != nil {
		q.and(true, "a.nonce = ?", *f.Nonce)
	}
	order := "a.id"
	if f.By == "nonce" {
		order = "a.wallet_id, a.nonce, a.id"
	}
	text, args := q.order(order, f.Limit)
	return rows(r, text, scan, args...)
}

// MoveAttempts moves attempts from state to state.
func (t *tx) MoveAttempts(_ context.Context, moves []store.AttemptMove) error {
	var steps []step
	for _, run := range apart(moves, func(m store.AttemptMove) int64 { return m.ID }) {
		steps = append(steps, exactly(len(run), "move attempts", queries["attempts_move"],
			column(run, func(m store.AttemptMove) int64 { return m.ID }),
			column(run, func(m store.AttemptMove) string { return m.From }),
			column(run, func(m store.AttemptMove) string { return m.To }),
			column(run, func(m store.AttemptMove) string { return m.Note }),
			column(run, func(m store.AttemptMove) []byte { return m.Raw }),
			column(run, func(m store.AttemptMove) string { return m.Hash }),
			column(run, func(m store.AttemptMove) string { return m.Refusal }),
			column(run, func(m store.AttemptMove) uint64 { return m.BlockNumber }),
			column(run, func(m store.AttemptMove) string { return m.BlockHash }),
			column(run, func(m store.AttemptMove) bool { return m.Success }),
			column(run, func(m store.AttemptMove) string { return m.Fee }),
			column(run, func(m store.AttemptMove) string { return m.Receipt.Device }),
			column(run, func(m store.AttemptMove) uint64 { return m.Receipt.Seq }),
			column(run, func(m store.AttemptMove) []byte { return m.Receipt.Signature })))
		var refused []int64
		for _, m := range run {
			if m.To == store.AttemptRefused {
				refused = append(refused, m.ID)
			}
		}
		if refused != nil {
			steps = append(steps, step{text: queries["nonces_refused"], args: []any{refused}})
		}
	}
	if steps == nil {
		return nil
	}
	return t.run(steps...)
}
