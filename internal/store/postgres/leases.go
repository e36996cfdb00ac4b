package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

func scanLease(rs pgx.Rows, l *store.Lease) error {
	return rs.Scan(&l.WalletID, &l.Holder, &l.Epoch, when{&l.ExpiresAt})
}

func byWallet(ls []store.Lease) []store.Lease {
	slices.SortFunc(ls, func(a, b store.Lease) int { return cmp.Compare(a.WalletID, b.WalletID) })
	return ls
}

// Leases lists the leases of wallets.
func (r *reader) Leases(_ context.Context, walletIDs []int64) ([]store.Lease, error) {
	return rows(r, queries["leases"], scanLease, walletIDs)
}

// TakeLeases prolongs the holder's own, which needs no lock that a write of its own stands in the way of, and takes what nobody
// holds, in one round trip.
func (t *tx) TakeLeases(_ context.Context, holder string, walletIDs []int64, ttl time.Duration) ([]store.Lease, error) {
	var own, taken []store.Lease
	err := t.run(
		query(&own, queries["leases_prolong"], scanLease, holder, or(walletIDs), ttl.Seconds()),
		query(&taken, queries["leases_take"], scanLease, holder, or(walletIDs), ttl.Seconds()))
	return byWallet(slices.Concat(own, taken)), err
}

// RenewLeases prolongs what the holder has.
func (t *tx) RenewLeases(_ context.Context, holder string, ttl time.Duration) ([]store.Lease, error) {
	all, err := rows(&t.reader, queries["leases_prolong"], scanLease, holder, []int64(nil), ttl.Seconds())
	return byWallet(all), err
}

// DropLeases gives leases back. It waits for the next statement or the commit.
func (t *tx) DropLeases(_ context.Context, holder string, walletIDs []int64) error {
	t.later("leases_drop", holder, walletIDs)
	t.later("leases_told", channel(store.TopicLeases))
	return nil
}

// HoldLeases keeps leases from being taken. Prolonging them and holding them in other writes go on.
func (t *tx) HoldLeases(_ context.Context, ls []store.Lease) error {
	if len(ls) == 0 {
		return nil
	}
	return t.run(exactly(len(ls), "hold leases", queries["leases_hold"],
		column(ls, func(l store.Lease) int64 { return l.WalletID }),
		column(ls, func(l store.Lease) string { return l.Holder }),
		column(ls, func(l store.Lease) int64 { return l.Epoch })))
}
