package sqlite

import (
	"context"
	"database/sql"
	"time"

	"coffer.internal/internal/store"
)

// counts are the parts of a load that choosing a wallet needs.
func (r *reader) counts(ids []int64) ([]store.Load, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return rows(r, queries["load_counts"], func(rs *sql.Rows, l *store.Load) error {
		return rs.Scan(&l.WalletID, &l.Reserved, &l.ReservedForWithdrawals, &l.Unmined, &l.InFlight, &l.Brake)
	}, list(ids), text(r.now))
}

// Loads sums up wallets, in the order of the ids.
func (r *reader) Loads(_ context.Context, walletIDs []int64) ([]store.Load, error) {
	loads, err := r.counts(walletIDs)
	if err != nil {
		return nil, err
	}
	for i := range loads {
		if err := r.complete(&loads[i]); err != nil {
			return nil, err
		}
	}
	return loads, nil
}

func (r *reader) complete(l *store.Load) error {
	rest, err := rows(r, queries["load_rest"], func(rs *sql.Rows, l *store.Load) error {
		return rs.Scan(&l.Cursor, &l.Active, when{&l.UpdatedAt}, &l.Free, &l.LowestUnmined)
	}, l.WalletID, text(r.now))
	if err != nil {
		return err
	}
	l.Cursor, l.Active, l.UpdatedAt = rest[0].Cursor, rest[0].Active, rest[0].UpdatedAt
	l.Free, l.LowestUnmined = rest[0].Free, rest[0].LowestUnmined
	l.Gaps, err = r.gaps(l.WalletID)
	return err
}

func (r *reader) gaps(walletID int64) ([]uint64, error) {
	return rows(r, queries["load_gaps"], func(rs *sql.Rows, n *uint64) error { return rs.Scan(n) }, walletID)
}

// Gaps reads the gaps of wallets.
func (r *reader) Gaps(_ context.Context, walletIDs []int64) (map[int64][]uint64, error) {
	all := make(map[int64][]uint64, len(walletIDs))
	for _, id := range walletIDs {
		gaps, err := r.gaps(id)
		if err != nil {
			return nil, err
		}
		all[id] = gaps
	}
	return all, nil
}

// LastUsed is when an attempt of the wallet changed last.
func (r *reader) LastUsed(_ context.Context, walletID int64) (time.Time, error) {
	all, err := rows(r, queries["last_used"], func(rs *sql.Rows, at *time.Time) error { return rs.Scan(when{at}) }, walletID)
	if err != nil {
		return time.Time{}, err
	}
	return all[0], nil
}
