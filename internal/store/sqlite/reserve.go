package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"coffer.internal/internal/store"
)

// LockForReserve reads what deciding over reservations needs. The transaction is the lock.
func (t *tx) LockForReserve(ctx context.Context, want store.ReserveWant) (facts store.ReserveFacts, err error) {
	facts.Now = t.now
	if facts.Restored, err = t.Restored(ctx); err != nil {
		return facts, err
	}
	requests, pools := list(want.Requests), make([][]any, len(want.Pools))
	for i, p := range want.Pools {
		pools[i] = []any{p.ChainType, p.ChainID}
	}
	if facts.Wallets, err = rows(&t.reader, queries["reserve_wallets"], scanWallet, list(want.WalletIDs), requests, list(pools)); err != nil {
		return facts, err
	}
	ids := make([]int64, len(facts.Wallets))
	for i, w := range facts.Wallets {
		ids[i] = w.ID
	}
	if facts.Loads, err = t.counts(ids); err != nil {
		return facts, err
	}
	if len(want.Requests) > 0 {
		if facts.Requests, err = rows(&t.reader, queries["requests"], scanRequest, requests); err != nil {
			return facts, err
		}
		if facts.Held, err = rows(&t.reader, queries["reserve_held"], scanNonce, requests); err != nil {
			return facts, err
		}
	}
	if want.FreeLimit > 0 {
		facts.Free, err = rows(&t.reader, queries["reserve_free"], scanNonce, list(ids), text(t.now), want.FreeLimit)
	}
	return facts, err
}

func scanRequest(rs *sql.Rows, q *store.Request) error {
	return rs.Scan(&q.ID, &q.Kind, &q.Content, &q.WalletID, &q.Count, when{&q.CreatedAt})
}

// Requests finds the request ids that exist.
func (r *reader) Requests(_ context.Context, ids []string) ([]store.Request, error) {
	return rows(r, queries["requests"], scanRequest, list(ids))
}

// Reserve writes a plan.
func (t *tx) Reserve(_ context.Context, plan store.ReservePlan) error {
	for _, write := range []func(store.ReservePlan) error{t.addRequests, t.takeNonces, t.insertNonces, t.moveCursors, t.assign} {
		if err := write(plan); err != nil {
			if errors.Is(err, store.ErrExists) {
				// Somebody else's request or row came in between: read again, decide again.
				return t.fail(fmt.Errorf("%w: %w", store.ErrConflict, err))
			}
			return err
		}
	}
	return t.record(plan.Audit)
}

func (t *tx) addRequests(plan store.ReservePlan) error {
	if len(plan.Requests) == 0 {
		return nil
	}
	lines := make([][]any, len(plan.Requests))
	for i, q := range plan.Requests {
		lines[i] = []any{q.ID, q.Kind, q.Content, q.WalletID, q.Count}
	}
	_, err := t.exec(queries["requests_add"], list(lines), text(t.now))
	return err
}

func nonceLines(ns []store.Nonce) string {
	lines := make([][]any, len(ns))
	for i, n := range ns {
		lines[i] = []any{n.WalletID, n.Nonce, n.Request, n.Row, n.Fence, textOrNull(n.ExpiresAt)}
	}
	return list(lines)
}

// takeNonces gives existing rows to requests. Requests may change places, so all rows lose theirs first.
func (t *tx) takeNonces(plan store.ReservePlan) error {
	if len(plan.Take) == 0 {
		return nil
	}
	lines := nonceLines(plan.Take)
	n, err := t.exec(queries["nonces_clear"], lines, text(t.now))
	if err != nil {
		return err
	}
	if int(n) != len(plan.Take) {
		return t.stale("give a nonce again")
	}
	_, err = t.exec(queries["nonces_take"], lines, text(t.now))
	return err
}

func (t *tx) insertNonces(plan store.ReservePlan) error {
	if len(plan.Insert) == 0 {
		return nil
	}
	_, err := t.exec(queries["nonces_insert"], nonceLines(plan.Insert), text(t.now))
	return err
}

func (t *tx) moveCursors(plan store.ReservePlan) error {
	for _, c := range plan.Cursors {
		if err := t.one("move a cursor", queries["wallet_cursor"], c.WalletID, c.From, c.To, text(t.now)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) assign(plan store.ReservePlan) error {
	if len(plan.Assign) == 0 {
		return nil
	}
	n, err := t.exec(queries["withdrawals_assign"], list(plan.Assign), text(t.now))
	if err == nil && int(n) != len(plan.Assign) {
		return t.stale("assign a withdrawal")
	}
	return err
}
