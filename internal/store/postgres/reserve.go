package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanRequest(rs pgx.Rows, q *store.Request) error {
	return rs.Scan(&q.ID, &q.Kind, &q.Content, &q.WalletID, &q.Count, when{&q.CreatedAt})
}

// Requests finds the request ids that exist.
func (r *reader) Requests(_ context.Context, ids []string) ([]store.Request, error) {
	return rows(r, queries["requests"], scanRequest, ids)
}

// LockForReserve locks, and reads what deciding over reservations needs, in one round trip. The reading statements come after
// the locking one, so each sees what the last holder of the locks has committed.
func (t *tx) LockForReserve(_ context.Context, want store.ReserveWant) (facts store.ReserveFacts, err error) {
	var restored []store.RestoreMark
	steps := []step{
		{text: queries["reserve_set"], args: []any{
			or(want.WalletIDs), or(want.Requests),
			column(want.Pools, func(p store.Pool) string { return p.ChainType }),
			column(want.Pools, func(p store.Pool) int64 { return p.ChainID }),
		}},
		query(&facts.Wallets, queries["reserve_wallets"], scanWallet),
		query(&facts.Loads, queries["reserve_loads"], scanCounts),
		query(&restored, queries["restored"], scanRestoreMark),
	}
	if want.FreeLimit > 0 {
		steps = append(steps, query(&facts.Free, queries["reserve_free"], scanNonce, want.FreeLimit))
	}
	steps = append(steps, step{text: queries["reserve_requests"], args: []any{or(want.Requests)}, rows: readRequests(&facts)})
	if err := t.run(steps...); err != nil {
		return facts, err
	}
	if len(restored) > 0 {
		facts.Restored = restored[0]
	}
	return facts, t.fail(agree(&facts))
}

// or makes an empty list of none, which an array of the database cannot be.
func or[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// readRequests reads the clock, the requests, and the rows they hold: a line for each row, or one for a request without any.
func readRequests(facts *store.ReserveFacts) func(pgx.Rows) error {
	return func(rs pgx.Rows) error {
		seen := map[string]bool{}
		for rs.Next() {
			var q store.Request
			var n store.Nonce
			err := rs.Scan(when{&facts.Now}, &q.ID, &q.Kind, &q.Content, &q.WalletID, &q.Count, when{&q.CreatedAt},
				&n.WalletID, &n.Nonce, &n.State, &n.Request, &n.Row, &n.Fence, when{&n.ExpiresAt}, &n.Hash, when{&n.UpdatedAt})
			if err != nil {
				return fmt.Errorf("read a row: %w", err)
			}
			if q.ID != "" && !seen[q.ID] {
				seen[q.ID] = true
				facts.Requests = append(facts.Requests, q)
			}
			if n.WalletID != 0 {
				facts.Held = append(facts.Held, n)
			}
		}
		return nil
	}
}

// agree sees to it that all rows that requests of ours hold belong to locked wallets. While the lock was waited for, one may have
// been given a row of another wallet; then nothing can be decided. It also brings the loads into the order of the wallets.
func agree(facts *store.ReserveFacts) error {
	loads := make(map[int64]store.Load, len(facts.Loads))
	for _, l := range facts.Loads {
		loads[l.WalletID] = l
	}
	facts.Loads = facts.Loads[:0]
	for _, w := range facts.Wallets {
		facts.Loads = append(facts.Loads, loads[w.ID])
	}
	for _, n := range facts.Held {
		if _, locked := loads[n.WalletID]; !locked {
			return fmt.Errorf("request %s was given a nonce of wallet %d meanwhile: %w", n.Request, n.WalletID, store.ErrConflict)
		}
	}
	return nil
}

// Reserve writes a plan. It waits for the commit and goes with it.
func (t *tx) Reserve(_ context.Context, plan store.ReservePlan) error {
	if take := plan.Take; len(take) > 0 {
		walletIDs, nonces, fences := nonceKeys(take)
		touched := column(slices.Concat(take, plan.Insert), func(n store.Nonce) int64 { return n.WalletID })
		t.queue = append(t.queue,
			step{text: queries["counts_lock"], args: []any{touched}},
			step{text: queries["nonces_clear"], args: []any{walletIDs, nonces, fences, len(take)}},
			step{text: queries["nonces_take"], args: nonceColumns(take), yields: true})
	}
	t.queue = append(t.queue, writePlan(plan))
	if n := len(plan.Assign); n > 0 {
		t.queue = append(t.queue, step{text: queries["withdrawals_assign"], args: []any{plan.Assign, n}})
	}
	return nil
}

// writePlan writes all of a plan but the rows given again and the withdrawals.
func writePlan(plan store.ReservePlan) step {
	fresh := allNew(plan)
	if fresh && len(plan.Cursors) == 1 && len(plan.Requests) == 1 && len(plan.Insert) == 1 && len(plan.Audit) == 1 {
		c, q, n, a := plan.Cursors[0], plan.Requests[0], plan.Insert[0], plan.Audit[0]
		return step{text: queries["reserve_write_one"], yields: true, args: []any{
			c.WalletID, c.From, c.To, q.ID, q.Kind, q.Content, zeroIsNull(q.WalletID), q.Count, n.WalletID, n.Nonce, n.Row, n.Fence, orNull(n.ExpiresAt),
			a.Actor, a.Action, a.Subject, a.Before, a.After, a.Result, a.Reason, a.Signed,
		}}
	}
	args := []any{
		column(plan.Cursors, func(c store.CursorMove) int64 { return c.WalletID }),
		column(plan.Cursors, func(c store.CursorMove) uint64 { return c.From }),
		column(plan.Cursors, func(c store.CursorMove) uint64 { return c.To }),
		column(plan.Requests, func(q store.Request) string { return q.ID }),
		column(plan.Requests, func(q store.Request) string { return q.Kind }),
		column(plan.Requests, func(q store.Request) string { return q.Content }),
		column(plan.Requests, func(q store.Request) *int64 { return zeroIsNull(q.WalletID) }),
		column(plan.Requests, func(q store.Request) int { return q.Count }),
	}
	args = append(append(args, nonceColumns(plan.Insert)...), !fresh)
	return step{text: queries["reserve_write"], args: append(args, auditColumns(plan.Audit)...), yields: true}
}

// allNew says whether every inserted row is of a request that is made with it. Such a request has no withdrawal.
func allNew(plan store.ReservePlan) bool {
	made := make(map[string]bool, len(plan.Requests))
	for _, q := range plan.Requests {
		made[q.ID] = q.Kind == store.KindReservation
	}
	return !slices.ContainsFunc(plan.Insert, func(n store.Nonce) bool { return !made[n.Request] })
}

func nonceKeys(ns []store.Nonce) (walletIDs []int64, nonces []uint64, fences []int64) {
	return column(ns, func(n store.Nonce) int64 { return n.WalletID }),
		column(ns, func(n store.Nonce) uint64 { return n.Nonce }),
		column(ns, func(n store.Nonce) int64 { return n.Fence })
}

func nonceColumns(ns []store.Nonce) []any {
	walletIDs, nonces, fences := nonceKeys(ns)
	return []any{
		walletIDs, nonces,
		column(ns, func(n store.Nonce) string { return n.Request }),
		column(ns, func(n store.Nonce) int { return n.Row }),
		fences,
		column(ns, func(n store.Nonce) *time.Time { return orNull(n.ExpiresAt) }),
	}
}
