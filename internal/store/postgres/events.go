package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanEvent(rs pgx.Rows, e *store.Event) error {
	var xid string
	err := rs.Scan(&xid, &e.ID, when{&e.At}, &e.Actor, &e.Subject, &e.Payment, &e.ChainType, &e.ChainID, &e.From, &e.To, &e.Outcome, &e.Detail,
		&e.Attempt, &e.Purpose, &e.WalletID, &e.Address, &e.Nonce, &e.Hash)
	e.Cursor = xid + "." + strconv.FormatInt(e.ID, 10)
	return err
}

// Events lists events. A cursor is the transaction's id and the event's, because a transaction that was given lower ids may be
// committed later than one with higher ones (the migration says more).
func (r *reader) Events(_ context.Context, f store.EventFilter) ([]store.Event, error) {
	xid, id, err := parseCursor(f.After)
	if err != nil {
		return nil, err
	}
	q := where("events").
		and(f.Payments != nil, "e.payment = ANY (?::text[])", f.Payments).
		and(f.Subjects != nil, "e.subject = ANY (?::text[])", f.Subjects).
		and(f.ChainType != "", "coalesce(w.chain_type, i.chain_type) = ?", f.ChainType).
		plain(f.Settled, queries["events_settled"])
	if f.ChainID != nil {
		q.and(true, "coalesce(w.chain_id, i.chain_id) = ?", *f.ChainID)
	}
	if f.After != "" {
		q.args = append(q.args, xid, id)
		q.plain(true, fmt.Sprintf("(e.xid, e.id) > ($%d::text::xid8, $%d::bigint)", len(q.args)-1, len(q.args)))
	}
	order := "e.id"
	if f.Settled {
		order = "e.xid, e.id"
	}
	text, args := q.order(order, f.Limit)
	return rows(r, text, scanEvent, args...)
}

// parseCursor reads the ids of the transaction and of the event that were read last; nothing is 0 and 0.
func parseCursor(s string) (xid string, id int64, err error) {
	if s == "" || s == "0" {
		return "0", 0, nil
	}
	xid, rest, ok := strings.Cut(s, ".")
	x, xErr := strconv.ParseUint(xid, 10, 64)
	id, idErr := strconv.ParseInt(rest, 10, 64)
	if !ok || xErr != nil || idErr != nil || id < 0 || strconv.FormatUint(x, 10)+"."+strconv.FormatInt(id, 10) != s {
		return "", 0, fmt.Errorf("%.40q: %w", s, store.ErrBadCursor)
	}
	return xid, id, nil
}
