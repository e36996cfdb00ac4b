package sqlite

import (
	"context"
	"database/sql"

	"coffer.internal/internal/store"
)

// counts are the parts of a load that choosing a wallet needs.
func (r *reader) counts(ids []int64) ([]store.Load, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return rows(r, queries["load_counts"], func(rs *sql.Rows, l *store.Load) error {
		return rs.Scan(&l.WalletID, &l.Reserved, &l.ReservedForWithdrawals, &l.Unmined, &l.InFlight)
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
		return rs.Scan(&l.Cursor, &l.Active, when{&l.UpdatedAt}, &l.Free, &l.LowestUnmined, when{&l.LastUsed})
	}, l.WalletID, text(r.now))
	if err != nil {
		return err
	}
	l.Cursor, l.Active, l.UpdatedAt = rest[0].Cursor, rest[0].Active, rest[0].UpdatedAt
	l.Free, l.LowestUnmined, l.LastUsed = rest[0].Free, rest[0].LowestUnmined, rest[0].LastUsed
	l.Gaps, err = rows(r, queries["load_gaps"], func(rs *sql.Rows, n *uint64) error { return rs.Scan(n) }, l.WalletID)
	return err
}
