package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanNonce(rs pgx.Rows, n *store.Nonce) error {
	return rs.Scan(&n.WalletID, &n.Nonce, &n.State, &n.Request, &n.Row, &n.Fence, when{&n.ExpiresAt}, &n.Hash, when{&n.UpdatedAt})
}

func scanExternal(rs pgx.Rows, e *store.External) error {
	return rs.Scan(&e.WalletID, &e.From, &e.To, &e.Evidence, &e.Reason, when{&e.At})
}

// Nonces lists nonce rows by wallet and nonce.
func (r *reader) Nonces(_ context.Context, f store.NonceFilter) ([]store.Nonce, error) {
	order := "n.wallet_id, n.nonce"
	if f.Highest {
		order = "n.wallet_id DESC, n.nonce DESC"
	}
	text, args := where("nonces").
		and(f.WalletID != 0, "n.wallet_id = ?", f.WalletID).
		and(f.WalletIDs != nil, "n.wallet_id = ANY (?::bigint[])", f.WalletIDs).
		and(f.Requests != nil, "n.request = ANY (?::text[])", f.Requests).
		and(f.States != nil, "n.state = ANY (?::text[])", f.States).
		and(f.From > 0, "n.nonce >= ?", f.From).
		order(order, f.Limit)
	return rows(r, text, scanNonce, args...)
}

// Fillable lists the nonces that need a gap fill.
func (r *reader) Fillable(_ context.Context, chainType string, chainID int64) ([]store.Nonce, error) {
	return rows(r, queries["fillable"], scanNonce, chainType, chainID)
}

// Unaccounted lists what the ledger and the chain's count do not agree on.
func (r *reader) Unaccounted(_ context.Context, walletID int64, count uint64, limit int) ([]store.Unaccounted, error) {
	return rows(r, queries["nonces_unaccounted"], func(rs pgx.Rows, u *store.Unaccounted) error {
		u.WalletID = walletID
		return rs.Scan(&u.From, &u.To, &u.State, &u.Request, &u.Spent, &u.Final)
	}, walletID, count, limit)
}

// Externals lists a wallet's external ranges.
func (r *reader) Externals(_ context.Context, walletID int64) ([]store.External, error) {
	return rows(r, queries["externals"], scanExternal, walletID)
}

// Release makes a reserved nonce free.
func (t *tx) Release(_ context.Context, walletID int64, nonce uint64, fence int64) error {
	return t.run(exactly(1, "release a nonce", queries["nonce_release"], walletID, nonce, fence))
}

// MarkSentElsewhere makes a reserved nonce used.
func (t *tx) MarkSentElsewhere(_ context.Context, walletID int64, nonce uint64, fence int64, hash string) error {
	return t.run(exactly(1, "mark a nonce sent", queries["nonce_sent_elsewhere"], walletID, nonce, fence, hash))
}

// AddExternals records ranges and drops the rows inside them.
func (t *tx) AddExternals(_ context.Context, es []store.External) error {
	if len(es) == 0 {
		return nil
	}
	ranges := []any{
		column(es, func(e store.External) int64 { return e.WalletID }),
		column(es, func(e store.External) uint64 { return e.From }),
		column(es, func(e store.External) uint64 { return e.To }),
	}
	add := step{text: queries["externals_add"], args: append(slices.Clone(ranges),
		column(es, func(e store.External) string { return e.Evidence }),
		column(es, func(e store.External) string { return e.Reason }),
		column(es, func(e store.External) time.Time { return e.At }))}
	return t.drop(ranges, add)
}

// DropNonces deletes free and reserved rows at and above nonce.
func (t *tx) DropNonces(_ context.Context, walletID int64, nonce uint64) error {
	return t.drop([]any{[]int64{walletID}, []uint64{nonce}, []int64{math.MaxInt64}})
}

// drop deletes the rows in ranges unless a used one is among them, and goes on with the rest in the same round trip.
func (t *tx) drop(ranges []any, rest ...step) error {
	used := step{text: queries["nonces_used_between"], args: ranges, done: func(n int64) error {
		if n > 0 {
			return fmt.Errorf("drop nonces: one is used: %w", store.ErrStale)
		}
		return nil
	}}
	drop := step{text: queries["nonces_drop_between"], args: ranges}
	return t.run(append([]step{used, drop}, rest...)...)
}

// TrimExternals cuts the external ranges at nonce.
func (t *tx) TrimExternals(_ context.Context, walletID int64, nonce uint64) error {
	return t.run(
		step{text: queries["externals_drop_from"], args: []any{walletID, nonce}},
		step{text: queries["externals_cut_at"], args: []any{walletID, nonce}})
}
