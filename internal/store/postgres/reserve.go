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
// the locking one, so each sees what the last holder of the locks has committed. The clock is read last: what a statement
// before it judged as expired is expired by it too.
func (t *tx) LockForReserve(_ context.Context, want store.ReserveWant) (facts store.ReserveFacts, err error) {
	set := []any{
		or(want.WalletIDs), or(want.Requests),
		column(want.Pools, func(p store.Pool) string { return p.ChainType }), column(want.Pools, func(p store.Pool) int64 { return p.ChainID }),
	}
	steps := []step{
		query(&facts.Wallets, queries["reserve_wallets"], scanWallet, set...),
		query(&facts.Loads, queries["reserve_loads"], scanCounts, set...),
	}
	if want.FreeLimit > 0 {
		steps = append(steps, query(&facts.Free, queries["reserve_free"], scanNonce, append(slices.Clip(set), want.FreeLimit)...))
	}
	if len(want.Requests) > 0 {
		steps = append(steps,
			query(&facts.Requests, queries["requests"], scanRequest, want.Requests),
			query(&facts.Held, queries["reserve_held"], scanNonce, want.Requests))
	}
	if err := t.run(append(steps, readNow(&facts.Now))...); err != nil {
		return facts, err
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

// agree makes one picture of what was locked and what was read under the lock. While the lock was waited for, a wallet may
// have come in (it is left out: it is not locked) or gone out of the set (it is left out too). But if a request of ours was
// given a row of a wallet that is not locked, nothing can be decided.
func agree(facts *store.ReserveFacts) error {
	loads := make(map[int64]store.Load, len(facts.Loads))
	for _, l := range facts.Loads {
		loads[l.WalletID] = l
	}
	locked := make(map[int64]bool, len(facts.Wallets))
	facts.Loads = facts.Loads[:0]
	facts.Wallets = slices.DeleteFunc(facts.Wallets, func(w store.Wallet) bool {
		l, both := loads[w.ID]
		if both {
			locked[w.ID] = true
			facts.Loads = append(facts.Loads, l)
		}
		return !both
	})
	for _, n := range facts.Held {
		if !locked[n.WalletID] {
			return fmt.Errorf("request %s was given a nonce of wallet %d meanwhile: %w", n.Request, n.WalletID, store.ErrConflict)
		}
	}
	facts.Free = slices.DeleteFunc(facts.Free, func(n store.Nonce) bool { return !locked[n.WalletID] })
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
	args := []any{
		column(plan.Cursors, func(c store.CursorMove) int64 { return c.WalletID }),
		column(plan.Cursors, func(c store.CursorMove) uint64 { return c.From }),
		column(plan.Cursors, func(c store.CursorMove) uint64 { return c.To }),
		column(plan.Requests, func(q store.Request) string { return q.ID }),
		column(plan.Requests, func(q store.Request) string { return q.Kind }),
		column(plan.Requests, func(q store.Request) string { return q.Content }),
		column(plan.Requests, func(q store.Request) int64 { return q.WalletID }),
		column(plan.Requests, func(q store.Request) int { return q.Count }),
	}
	args = append(append(append(args, nonceColumns(plan.Insert)...), or(plan.Assign)), auditColumns(plan.Audit)...)
	t.queue = append(t.queue, step{text: queries["reserve_write"], args: args, yields: true})
	return nil
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
