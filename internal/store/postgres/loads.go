package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

// scanCounts reads the parts of a load that choosing a wallet needs.
func scanCounts(rs pgx.Rows, l *store.Load) error {
	return rs.Scan(&l.WalletID, &l.Reserved, &l.ReservedForWithdrawals, &l.Unmined, &l.InFlight, &l.Brake)
}

// gap is a nonce that lacks a signature; place is its wallet's place in the list of ids, from 1.
type gap struct {
	place int
	nonce uint64
}

func scanGap(rs pgx.Rows, g *gap) error { return rs.Scan(&g.place, &g.nonce) }

func gapsOf(gaps []gap, walletIDs []int64) map[int64][]uint64 {
	of := make(map[int64][]uint64, len(gaps))
	for _, g := range gaps {
		id := walletIDs[g.place-1]
		of[id] = append(of[id], g.nonce)
	}
	return of
}

// Gaps reads the gaps of wallets.
func (r *reader) Gaps(_ context.Context, walletIDs []int64) (map[int64][]uint64, error) {
	gaps, err := rows(r, queries["load_gaps"], scanGap, walletIDs)
	return gapsOf(gaps, walletIDs), err
}

// Loads sums up wallets, in the order of the ids.
func (r *reader) Loads(_ context.Context, walletIDs []int64) ([]store.Load, error) {
	var loads, rest []store.Load
	var gaps []gap
	err := r.run(
		query(&loads, queries["load_counts"], scanCounts, walletIDs),
		query(&rest, queries["load_rest"], func(rs pgx.Rows, l *store.Load) error {
			return rs.Scan(&l.WalletID, &l.Cursor, &l.Active, when{&l.UpdatedAt}, &l.Free, &l.LowestUnmined)
		}, walletIDs),
		query(&gaps, queries["load_gaps"], scanGap, walletIDs))
	if err != nil {
		return nil, err
	}
	of := gapsOf(gaps, walletIDs)
	for i := range min(len(loads), len(rest)) {
		l := &loads[i]
		l.Cursor, l.Active, l.UpdatedAt = rest[i].Cursor, rest[i].Active, rest[i].UpdatedAt
		l.Free, l.LowestUnmined, l.Gaps = rest[i].Free, rest[i].LowestUnmined, of[l.WalletID]
	}
	return loads, nil
}

// LastUsed is when an attempt of the wallet changed last.
func (r *reader) LastUsed(_ context.Context, walletID int64) (time.Time, error) {
	all, err := rows(r, queries["last_used"], scanTime, walletID)
	if err != nil {
		return time.Time{}, err
	}
	return all[0], nil
}
