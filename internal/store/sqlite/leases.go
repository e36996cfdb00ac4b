package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"coffer.internal/internal/store"
)

func scanLease(rs *sql.Rows, l *store.Lease) error {
	return rs.Scan(&l.WalletID, &l.Holder, &l.Epoch, when{&l.ExpiresAt})
}

func byWallet(ls []store.Lease) []store.Lease {
	slices.SortFunc(ls, func(a, b store.Lease) int { return cmp.Compare(a.WalletID, b.WalletID) })
	return ls
}

// Leases lists the leases of wallets.
func (r *reader) Leases(_ context.Context, walletIDs []int64) ([]store.Lease, error) {
	return rows(r, queries["leases"], scanLease, list(walletIDs))
}

// TakeLeases takes what nobody holds and prolongs the holder's own.
func (t *tx) TakeLeases(_ context.Context, holder string, walletIDs []int64, ttl time.Duration) ([]store.Lease, error) {
	all, err := rows(&t.reader, queries["leases_take"], scanLease,
		holder, list(walletIDs), text(t.now), text(t.now.Add(ttl)), text(t.now.Add(2*ttl)))
	return byWallet(all), err
}

// RenewLeases prolongs what the holder has.
func (t *tx) RenewLeases(_ context.Context, holder string, ttl time.Duration) ([]store.Lease, error) {
	all, err := rows(&t.reader, queries["leases_renew"], scanLease, holder, text(t.now.Add(ttl)))
	return byWallet(all), err
}

// DropLeases gives leases back.
func (t *tx) DropLeases(_ context.Context, holder string, walletIDs []int64) (err error) {
	if walletIDs == nil {
		_, err = t.exec(queries["leases_drop"], holder, text(t.now))
	} else {
		_, err = t.exec(queries["leases_drop_some"], holder, text(t.now), list(walletIDs))
	}
	return err
}

// HoldLeases looks whether the leases are still those. The transaction is the lock.
func (t *tx) HoldLeases(_ context.Context, ls []store.Lease) error {
	lines := make([][]any, len(ls))
	for i, l := range ls {
		lines[i] = []any{l.WalletID, l.Holder, l.Epoch}
	}
	held, err := rows(&t.reader, queries["leases_held"], func(rs *sql.Rows, n *int) error { return rs.Scan(n) }, list(lines))
	if err == nil && held[0] != len(ls) {
		return t.stale("hold leases: %d of %d", held[0], len(ls))
	}
	return err
}
