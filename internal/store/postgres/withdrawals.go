package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanWithdrawal(rs pgx.Rows, w *store.Withdrawal) error {
	return rs.Scan(&w.Seq, &w.Payment, &w.Request, &w.Row, &w.ChainType, &w.ChainID, &w.To, &w.Asset, &w.Contract, &w.Amount,
		&w.State, &w.Outcome, &w.Reason, when{&w.CreatedAt}, when{&w.UpdatedAt}, when{&w.EndedAt},
		when{&w.AuthorizedUntil}, &w.AuthorizedFee, &w.Unauthorized,
		&w.WalletID, &w.Address, &w.Nonce, &w.Fence, &w.Expired, &w.Attempt, &w.Hash)
}

// Withdrawals lists withdrawals with the nonce and the newest attempt they have.
func (r *reader) Withdrawals(_ context.Context, f store.WithdrawalFilter) ([]store.Withdrawal, error) {
	q := where("withdrawals").
		and(f.Payments != nil, "w.payment = ANY (?::text[])", f.Payments).
		and(f.States != nil, "w.state = ANY (?::text[])", f.States).
		and(f.Outcomes != nil, "w.outcome = ANY (?::text[])", f.Outcomes).
		and(f.ChainType != "", "w.chain_type = ?", f.ChainType).
		and(f.AfterSeq > 0, "w.seq > ?", f.AfterSeq).
		and(!f.EndedFrom.IsZero(), "w.ended_at >= ?", f.EndedFrom).
		and(!f.EndedUntil.IsZero(), "w.ended_at < ?", f.EndedUntil).
		plain(f.Authorized, queries["withdrawal_authorized"]).
		plain(f.Lapsed, queries["withdrawal_lapsed"]).
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
	if len(ws) == 0 {
		return nil
	}
	all, with := make([]store.Withdrawal, len(ws)), make([]store.Authorized, len(ws))
	for i, w := range ws {
		all[i] = store.Withdrawal{
			Payment: w.Payment, Request: w.Payment, ChainType: w.ChainType, ChainID: w.ChainID, To: w.To, Asset: w.Asset,
			Contract: w.Contract, Amount: w.Amount, State: store.WithdrawalQueued,
		}
		with[i] = w.Authorized
	}
	return t.run(
		step{text: queries["withdrawals_requests"], args: []any{
			column(ws, func(w store.NewWithdrawal) string { return w.Payment }),
			column(ws, func(w store.NewWithdrawal) string { return w.Content }),
		}},
		insertWithdrawals(all, with))
}

// AdoptReservation makes the withdrawal of a reserved nonce.
func (t *tx) AdoptReservation(_ context.Context, w store.Withdrawal, a store.Authorized) error {
	w.State = store.WithdrawalAssigned
	return t.run(
		insertWithdrawals([]store.Withdrawal{w}, []store.Authorized{a}),
		step{text: queries["nonce_adopted"], args: []any{w.Request, w.Row}})
}

func insertWithdrawals(ws []store.Withdrawal, with []store.Authorized) step {
	return step{text: queries["withdrawals_add"], args: []any{
		column(ws, func(w store.Withdrawal) string { return w.Payment }),
		column(ws, func(w store.Withdrawal) string { return w.Request }),
		column(ws, func(w store.Withdrawal) int { return w.Row }),
		column(ws, func(w store.Withdrawal) string { return w.ChainType }),
		column(ws, func(w store.Withdrawal) int64 { return w.ChainID }),
		column(ws, func(w store.Withdrawal) string { return w.To }),
		column(ws, func(w store.Withdrawal) string { return w.Asset }),
		column(ws, func(w store.Withdrawal) string { return w.Contract }),
		column(ws, func(w store.Withdrawal) string { return w.Amount }),
		column(ws, func(w store.Withdrawal) string { return w.State }),
		column(with, tokens),
		column(with, func(a store.Authorized) *time.Time { return orNull(a.Until) }),
		column(with, func(a store.Authorized) string { return a.MaxFee }),
	}}
}

func tokens(a store.Authorized) string { return strings.Join(a.Tokens, " ") }

// Authorize puts authorizations in the place of others.
func (t *tx) Authorize(_ context.Context, as []store.Authorization) error {
	var steps []step
	for _, run := range apart(as, func(a store.Authorization) string { return a.Payment }) {
		steps = append(steps, exactly(len(run), "authorize withdrawals", queries["withdrawals_authorize"],
			column(run, func(a store.Authorization) string { return a.Payment }),
			column(run, func(a store.Authorization) string { return tokens(a.Authorized) }),
			column(run, func(a store.Authorization) *time.Time { return orNull(a.Until) }),
			column(run, func(a store.Authorization) string { return a.MaxFee })))
	}
	if steps == nil {
		return nil
	}
	return t.run(steps...)
}

// Authorizations reads tokens.
func (r *reader) Authorizations(_ context.Context, payments []string) (map[string][]string, error) {
	type line struct{ payment, tokens string }
	all, err := rows(r, queries["withdrawal_tokens"], func(rs pgx.Rows, l *line) error { return rs.Scan(&l.payment, &l.tokens) }, payments)
	out := make(map[string][]string, len(all))
	for _, l := range all {
		out[l.payment] = strings.Fields(l.tokens)
	}
	return out, err
}

// MoveWithdrawals moves withdrawals from state to state.
func (t *tx) MoveWithdrawals(_ context.Context, moves []store.WithdrawalMove) error {
	var steps []step
	for _, run := range apart(moves, func(m store.WithdrawalMove) string { return m.Payment }) {
		steps = append(steps, exactly(len(run), "move withdrawals", queries["withdrawals_move"],
			column(run, func(m store.WithdrawalMove) string { return m.Payment }),
			column(run, func(m store.WithdrawalMove) string { return m.From }),
			column(run, func(m store.WithdrawalMove) string { return m.To }),
			column(run, func(m store.WithdrawalMove) string { return m.Outcome }),
			column(run, func(m store.WithdrawalMove) string { return m.Reason }),
			column(run, func(m store.WithdrawalMove) string { return m.Unauthorized }),
			column(run, func(m store.WithdrawalMove) string { return strings.Join(m.Against, " ") })))
	}
	if steps == nil {
		return nil
	}
	return t.run(steps...)
}

// Backlog counts what has not ended.
func (r *reader) Backlog(context.Context) ([]store.Backlog, error) {
	return rows(r, queries["backlog"], func(rs pgx.Rows, b *store.Backlog) error {
		return rs.Scan(&b.ChainType, &b.ChainID, &b.State, &b.Count, when{&b.Oldest})
	})
}
