package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"coffer.internal/internal/store"
)

func scanEvent(rs *sql.Rows, e *store.Event) error {
	var attempt, wallet sql.NullInt64
	err := rs.Scan(&e.ID, when{&e.At}, &e.Actor, &e.Subject, orEmpty{&e.Payment}, &e.ChainType, &e.ChainID, orEmpty{&e.From}, &e.To,
		orEmpty{&e.Outcome}, &e.Detail, &attempt, orEmpty{&e.Purpose}, &wallet, orEmpty{&e.Address}, &e.Nonce, orEmpty{&e.Hash})
	e.Attempt, e.WalletID, e.Cursor = attempt.Int64, wallet.Int64, strconv.FormatInt(e.ID, 10)
	return err
}

// Events lists events. Transactions are committed one after the other here, so the order of the ids is theirs: an event has settled
// once it can be read, and its id is its cursor.
func (r *reader) Events(_ context.Context, f store.EventFilter) ([]store.Event, error) {
	after, err := parseCursor(f.After)
	if err != nil {
		return nil, err
	}
	q := where("events").
		and(f.Payments != nil, among("e.payment"), list(f.Payments)).
		and(f.Subjects != nil, among("e.subject"), list(f.Subjects)).
		and(f.ChainType != "", "coalesce(w.chain_type, i.chain_type) = ?", f.ChainType).
		and(after > 0, "e.id > ?", after)
	if f.ChainID != nil {
		q.and(true, "coalesce(w.chain_id, i.chain_id) = ?", *f.ChainID)
	}
	text, args := q.order("e.id", f.Limit)
	return rows(r, text, scanEvent, args...)
}

// parseCursor reads the id of the last event read; nothing is 0.
func parseCursor(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 || strconv.FormatInt(id, 10) != s {
		return 0, fmt.Errorf("%.40q: %w", s, store.ErrBadCursor)
	}
	return id, nil
}
