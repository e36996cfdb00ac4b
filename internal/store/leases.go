package store

import (
	"context"
	"time"
)

// Lease says which daemon drives a wallet: sends, replaces, fills, cancels and tracks for it. Its epoch rises each time somebody
// else takes it, so a daemon that slept through its end finds another epoch, and its writes fail.
type Lease struct {
	WalletID  int64
	Holder    string // the daemon's instance id; empty: given back
	Epoch     int64  // from 1
	ExpiresAt time.Time
}

// TopicLeases is what Listen hears when leases were given back.
const TopicLeases = "leases"

// LeaseReader is the part of Reader that is about leases.
type LeaseReader interface {
	// Leases lists the leases of these wallets, by wallet, expired ones too. One that nobody ever took is missing.
	Leases(ctx context.Context, walletIDs []int64) ([]Lease, error)
}

// LeaseWriter is the part of Tx that is about leases. Whether one has ended is judged by the store's clock. One that ends later
// than any could (more than twice ttl from now) was written before the clock went back, and counts as ended: taking it is safe,
// because the epoch rises.
type LeaseWriter interface {
	// TakeLeases takes the leases of these wallets that nobody holds, and gives those. Its own of before, which nobody took since,
	// it gives too, prolonged and in their old epoch.
	TakeLeases(ctx context.Context, holder string, walletIDs []int64, ttl time.Duration) ([]Lease, error)
	// RenewLeases prolongs all that the holder still has, ended ones too if nobody took them, and gives them, by wallet.
	RenewLeases(ctx context.Context, holder string, ttl time.Duration) ([]Lease, error)
	// DropLeases gives back the holder's leases of these wallets (nil: all), so that others may take them at once. Whoever listens for
	// TopicLeases hears of it with the commit.
	DropLeases(ctx context.Context, holder string, walletIDs []int64) error
	// HoldLeases keeps leases from being taken until the transaction ends. ErrStale if one has another holder or epoch.
	HoldLeases(ctx context.Context, leases []Lease) error
}
