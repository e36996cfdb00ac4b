package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"coffer.internal/internal/store"
)

func scanAttempt(rs *sql.Rows, a *store.Attempt) error {
	var block sql.NullInt64
	var success sql.NullBool
	var seq sql.NullInt64
	err := rs.Scan(&a.ID, &a.WalletID, &a.Address, &a.ChainType, &a.ChainID, &a.Nonce, orEmpty{&a.Payment}, &a.Purpose, &a.Digest, &a.Intent,
		&a.State, &a.Raw, orEmpty{&a.Hash}, &a.Note, orEmpty{&a.Refusal},
		orEmpty{&a.Receipt.Device}, &seq, &a.Receipt.Signature, &block, orEmpty{&a.BlockHash}, &success, orEmpty{&a.Fee},
		when{&a.AskedAt}, when{&a.SignedAt}, when{&a.SentAt}, when{&a.MinedAt}, when{&a.FinalAt}, when{&a.UpdatedAt})
	a.BlockNumber, a.Success, a.Receipt.Seq = uint64(block.Int64), success.Bool, uint64(seq.Int64)
	return err
}

func scanBare(rs *sql.Rows, a *store.Attempt) error {
	return rs.Scan(&a.ID, &a.WalletID, &a.Nonce, &a.State, &a.Note, when{&a.SignedAt}, when{&a.SentAt}, when{&a.UpdatedAt})
}

// Attempts lists attempts.
func (r *reader) Attempts(_ context.Context, f store.AttemptFilter) ([]store.Attempt, error) {
	query, scan := "attempts", scanAttempt
	if f.Bare {
		query, scan = "attempts_bare", scanBare
	}
	q := where(query).
		and(f.IDs != nil, among("a.id"), list(f.IDs)).
		and(f.States != nil, among("a.state"), list(f.States)).
		and(f.ChainType != "", "i.chain_type = ?", f.ChainType).
		and(f.WalletID != 0, "a.wallet_id = ?", f.WalletID).
		and(f.WalletIDs != nil, among("a.wallet_id"), list(f.WalletIDs)).
		and(f.Payments != nil, among("a.payment"), list(f.Payments)).
		and(f.Digests != nil, among("a.digest"), list(f.Digests)).
		and(f.FromNonce != 0, "a.nonce >= ?", f.FromNonce).
		and(f.Device != "", "i.device = ?", f.Device).
		and(f.AfterID > 0, "a.id > ?", f.AfterID).
		and(!f.FinalFrom.IsZero(), "a.final_at >= ?", text(f.FinalFrom)).
		and(!f.FinalUntil.IsZero(), "a.final_at < ?", text(f.FinalUntil)).
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

// Ask writes attempts, each after its nonce's compare-and-set.
func (t *tx) Ask(_ context.Context, asks []store.Ask) ([]int64, error) {
	ids := make([]int64, len(asks))
	for i, a := range asks {
		add := "attempt_add_again"
		if !a.Again {
			moved, err := t.useNonce(a)
			if err != nil {
				return nil, err
			}
			if !moved {
				continue
			}
			add = "attempt_add"
		}
		made, err := rows(&t.reader, queries[add], func(rs *sql.Rows, id *int64) error { return rs.Scan(id) },
			a.WalletID, a.Nonce, emptyIsNull(a.Payment), a.Purpose, a.Digest, a.Intent, text(t.now))
		if err != nil {
			return nil, err
		}
		if len(made) == 1 {
			ids[i] = made[0]
		}
	}
	return ids, nil
}

func (t *tx) useNonce(a store.Ask) (bool, error) {
	var n int64
	var err error
	if a.Payment == "" {
		n, err = t.exec(queries["nonce_fill"], a.WalletID, a.Nonce, a.Fence, text(t.now))
	} else {
		n, err = t.exec(queries["nonce_ask"], a.WalletID, a.Nonce, a.Fence, a.Request, a.Row, text(t.now))
	}
	return n == 1, err
}

// MoveAttempts moves attempts from state to state.
func (t *tx) MoveAttempts(_ context.Context, moves []store.AttemptMove) error {
	for _, m := range moves {
		if err := t.moveAttempt(m); err != nil {
			return err
		}
		if m.To != store.AttemptRefused {
			continue
		}
		if _, err := t.exec(queries["nonce_refused"], m.ID, text(t.now)); err != nil {
			return err
		}
	}
	return nil
}

// moveAttempt moves one. What the signing machine answered is written once: a statement that names its columns writes their index again
// at each move.
func (t *tx) moveAttempt(m store.AttemptMove) error {
	what := fmt.Sprintf("move attempt %d", m.ID)
	if m.From == store.AttemptAsked && (m.To == store.AttemptSigned || m.To == store.AttemptRefused) {
		return t.one(what, queries["attempt_answer"], m.ID, m.From, m.To, m.Note, m.Raw, m.Hash, emptyIsNull(m.Refusal), text(t.now),
			emptyIsNull(m.Receipt.Device), zeroIsNull(m.Receipt.Seq), m.Receipt.Signature)
	}
	return t.one(what, queries["attempt_move"], m.ID, m.From, m.To, m.Note, m.BlockNumber, m.BlockHash, m.Success, m.Fee, text(t.now))
}
