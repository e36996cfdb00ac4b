package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"coffer.internal/internal/store"
)

func scanWithdrawal(rs *sql.Rows, w *store.Withdrawal) error {
	var wallet, fence sql.NullInt64
	var expired sql.NullBool
	err := rs.Scan(&w.Seq, &w.Payment, &w.Request, &w.Row, &w.ChainType, &w.ChainID, &w.To, &w.Asset, &w.Contract, &w.Amount,
		&w.State, orEmpty{&w.Outcome}, &w.Reason, when{&w.CreatedAt}, when{&w.UpdatedAt}, when{&w.EndedAt},
		when{&w.AuthorizedUntil}, orEmpty{&w.AuthorizedFee}, &w.Unauthorized,
		&wallet, orEmpty{&w.Address}, &w.Nonce, &fence, &expired, orEmpty{&w.Attempt}, orEmpty{&w.Hash})
	w.WalletID, w.Fence, w.Expired = wallet.Int64, fence.Int64, expired.Bool
	return err
}

// Withdrawals lists withdrawals with the nonce and the newest attempt they have.
func (r *reader) Withdrawals(_ context.Context, f store.WithdrawalFilter) ([]store.Withdrawal, error) {
	q := where("withdrawals", text(r.now)).
		and(f.Payments != nil, among("w.payment"), list(f.Payments)).
		and(f.States != nil, among("w.state"), list(f.States)).
		and(f.Outcomes != nil, among("w.outcome"), list(f.Outcomes)).
		and(f.ChainType != "", "w.chain_type = ?", f.ChainType).
		and(f.AfterSeq > 0, "w.seq > ?", f.AfterSeq).
		and(!f.EndedFrom.IsZero(), "w.ended_at >= ?", text(f.EndedFrom)).
		and(!f.EndedUntil.IsZero(), "w.ended_at < ?", text(f.EndedUntil)).
		and(f.Authorized, queries["withdrawal_authorized"], text(r.now)).
		and(f.Lapsed, queries["withdrawal_lapsed"], text(r.now)).
		plain(f.Unasked, queries["withdrawal_unasked"])
	if f.ChainID != nil {
		q.and(true, "w.chain_id = ?", *f.ChainID)
	}
	order := "w.seq"
	if f.Newest {
		order = "w.seq DESC"
	}
	text, args := q.order(order, f.Limit)
	return rows(r, text, scanWithdrawal, args...)
}

// AddWithdrawals inserts withdrawals with their requests.
func (t *tx) AddWithdrawals(_ context.Context, ws []store.NewWithdrawal) error {
	requests, lines := make([][]any, len(ws)), make([][]any, len(ws))
	for i, w := range ws {
		requests[i] = []any{w.Payment, store.KindWithdrawal, w.Content, 0, 1}
		lines[i] = []any{w.Payment, w.Payment, 0, w.ChainType, w.ChainID, w.To, w.Asset, w.Contract, w.Amount, store.WithdrawalQueued,
			strings.Join(w.Tokens, " "), textOrNull(w.Until), emptyIsNull(w.MaxFee)}
	}
	if _, err := t.exec(queries["requests_add"], list(requests), text(t.now)); err != nil {
		return err
	}
	_, err := t.exec(queries["withdrawals_add"], list(lines), text(t.now))
	return err
}

// AdoptReservation makes the withdrawal of a reserved nonce.
func (t *tx) AdoptReservation(_ context.Context, w store.Withdrawal, a store.Authorized) error {
	line := []any{w.Payment, w.Request, w.Row, w.ChainType, w.ChainID, w.To, w.Asset, w.Contract, w.Amount, store.WithdrawalAssigned,
		strings.Join(a.Tokens, " "), textOrNull(a.Until), emptyIsNull(a.MaxFee)}
	if _, err := t.exec(queries["withdrawals_add"], list([][]any{line}), text(t.now)); err != nil {
		return err
	}
	_, err := t.exec(queries["nonce_adopted"], w.Request, w.Row)
	return err
}

// MoveWithdrawals moves withdrawals from state to state.
func (t *tx) MoveWithdrawals(_ context.Context, moves []store.WithdrawalMove) error {
	for _, m := range moves {
		ended := any(nil)
		if m.To == store.WithdrawalEnded {
			ended = text(t.now)
		}
		err := t.one("move withdrawal "+m.Payment, queries["withdrawal_move"],
			m.Payment, m.From, m.To, emptyIsNull(m.Outcome), m.Reason, ended, text(t.now), m.Unauthorized, strings.Join(m.Against, " "))
		if err != nil {
			return err
		}
	}
	return nil
}

// Authorize puts authorizations in the place of others.
func (t *tx) Authorize(_ context.Context, as []store.Authorization) error {
	for _, a := range as {
		err := t.one("authorize withdrawal "+a.Payment, queries["withdrawal_authorize"],
			a.Payment, strings.Join(a.Tokens, " "), textOrNull(a.Until), emptyIsNull(a.MaxFee), text(t.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// Authorizations reads tokens.
func (r *reader) Authorizations(_ context.Context, payments []string) (map[string][]string, error) {
	type line struct{ payment, tokens string }
	all, err := rows(r, queries["withdrawal_tokens"], func(rs *sql.Rows, l *line) error { return rs.Scan(&l.payment, &l.tokens) }, list(payments))
	out := make(map[string][]string, len(all))
	for _, l := range all {
		out[l.payment] = strings.Fields(l.tokens)
	}
	return out, err
}

// Backlog counts what has not ended.
func (r *reader) Backlog(context.Context) ([]store.Backlog, error) {
	return rows(r, queries["backlog"], func(rs *sql.Rows, b *store.Backlog) error {
		return rs.Scan(&b.ChainType, &b.ChainID, &b.State, &b.Count, when{&b.Oldest})
	})
}
