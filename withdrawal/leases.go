package withdrawal

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// defaultLease is how long a wallet stays with a daemon that says nothing any more.
const defaultLease = 15 * time.Second

// leases are the wallets that this daemon drives. Asking and signing need none: the reservation's fence and the digest guard
// them. Sending, replacing, filling, cancelling and tracking are for whoever holds the wallet's lease: each such write
// checks its epoch, so what a daemon does after it was frozen or cut off is refused by the database (F21, F25).
type leases struct {
	db      store.DB
	holder  string
	ttl     time.Duration
	daemons func(context.Context, store.Reader) (int, error)
	chains  []ChainSetup

	passing sync.Mutex // one pass at a time: the last one's answer is what holds
	strays  strays     // the passes' alone

	mu      sync.Mutex
	held    map[int64]store.Lease
	known   map[int64]bool   // the wallets that the last pass knew of
	devices map[int64]string // by wallet, whose keys sign for it
}

func newLeases(o EngineOptions) *leases {
	return &leases{db: o.DB, holder: o.Holder, ttl: o.Lease, daemons: o.Daemons, chains: o.Chains, held: map[int64]store.Lease{}}
}

// ids are the wallets held, in no order.
func (l *leases) ids() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.AppendSeq([]int64{}, maps.Keys(l.held)) // never nil: a filter would read that as all
}

func (l *leases) has(walletID int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.held[walletID]
	return ok
}

// epoch is the epoch in which a wallet is held; 0 if it is not.
func (l *leases) epoch(walletID int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[walletID].Epoch
}

// of gives the leases of wallets, each once, for the transaction that writes about them. Of one that is not held it gives a lease
// that the database will not find.
func (l *leases) of(walletIDs ...int64) []store.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Compact(slices.Sorted(slices.Values(walletIDs)))
	out := make([]store.Lease, len(all))
	for i, id := range all {
		var there bool
		if out[i], there = l.held[id]; !there {
			out[i] = store.Lease{WalletID: id, Holder: l.holder}
		}
	}
	return out
}

// pass prolongs what this daemon has, gives back what is more than its share, and takes what is free up to that. It says
// whether it got something new.
func (l *leases) pass(ctx context.Context) (more bool, err error) {
	l.passing.Lock()
	defer l.passing.Unlock()
	var now []store.Lease
	var wallets []int64
	var devices map[int64]string
	var strays strays
	err = l.db.Update(ctx, func(tx store.Tx) error {
		if wallets, devices, err = l.wallets(ctx, tx); err != nil {
			return err
		}
		daemons, err := l.daemons(ctx, tx)
		if err != nil {
			return err
		}
		clock, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		mine, err := tx.RenewLeases(ctx, l.holder, l.ttl)
		if err != nil {
			return err
		}
		share := share(len(wallets), daemons)
		keep, drop := divide(mine, wallets, share, func(id int64) bool { return l.strays.adopted(id, clock) })
		if len(drop) > 0 {
			if err := tx.DropLeases(ctx, l.holder, drop); err != nil {
				return err
			}
		}
		free, err := l.free(ctx, tx, wallets, mine, clock)
		if err != nil {
			return err
		}
		now = keep
		var want []int64
		if want, strays = l.strays.next(free, share-len(keep), clock, l.ttl); len(want) == 0 {
			return nil
		}
		got, err := tx.TakeLeases(ctx, l.holder, want, l.ttl)
		now = append(now, got...)
		return err
	})
	if err != nil {
		return false, storefault.Of(err, "renew the leases")
	}
	l.strays = strays
	l.signers(devices)
	return l.set(now, wallets), nil
}

// news says whether there are wallets that the last pass did not know of.
func (l *leases) news(wallets []store.Wallet) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(wallets, func(w store.Wallet) bool { return !l.known[w.ID] })
}

// set notes what is held of which wallets, and says whether something is new.
func (l *leases) set(now []store.Lease, wallets []int64) (more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = make(map[int64]bool, len(wallets))
	for _, id := range wallets {
		l.known[id] = true
	}
	held := make(map[int64]store.Lease, len(now))
	for _, one := range now {
		held[one.WalletID] = one
		more = more || l.held[one.WalletID].Epoch != one.Epoch
	}
	l.held = held
	return more
}

// signers notes whose keys sign for the wallets.
func (l *leases) signers(devices map[int64]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.devices = devices
}

// device is the signing machine that signs for a wallet; empty if the last pass did not know of it.
func (l *leases) device(walletID int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.devices[walletID]
}

// wallets are those that somebody has to drive, of the chains that this daemon has nodes for, active or not, because what is under way
// goes on; and whose keys sign for them.
func (l *leases) wallets(ctx context.Context, r store.Reader) ([]int64, map[int64]string, error) {
	var ids []int64
	devices := map[int64]string{}
	for _, c := range l.chains {
		ws, err := r.Wallets(ctx, store.WalletFilter{ChainType: c.Type, ChainID: &c.ID})
		if err != nil {
			return nil, nil, err
		}
		for _, w := range ws {
			if driven(w) {
				ids = append(ids, w.ID)
				devices[w.ID] = w.Device
			}
		}
	}
	slices.Sort(ids)
	return ids, devices, nil
}

// free are the wallets that no daemon holds.
func (l *leases) free(ctx context.Context, r store.Reader, wallets []int64, mine []store.Lease, now time.Time) ([]int64, error) {
	all, err := r.Leases(ctx, wallets)
	if err != nil {
		return nil, err
	}
	taken := map[int64]bool{}
	for _, one := range mine {
		taken[one.WalletID] = true
	}
	for _, one := range all {
		// One that ends later than any could was written before the clock went back.
		ended := !now.Before(one.ExpiresAt) || one.ExpiresAt.Sub(now) > 2*l.ttl
		if one.Holder != "" && one.Holder != l.holder && !ended {
			taken[one.WalletID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(wallets), func(id int64) bool { return taken[id] }), nil
}

// share is how many of the wallets a daemon drives: what is left over goes to whoever is first.
func share(wallets, daemons int) int {
	daemons = max(daemons, 1)
	return (wallets + daemons - 1) / daemons
}

// divide keeps a share of what is held, lowest ids first, and all that was adopted. What is nobody's wallet any more is given back.
func divide(held []store.Lease, wallets []int64, share int, adopted func(walletID int64) bool) (keep []store.Lease, drop []int64) {
	for _, one := range held {
		_, there := slices.BinarySearch(wallets, one.WalletID)
		if there && (len(keep) < share || adopted(one.WalletID)) {
			keep = append(keep, one)
		} else {
			drop = append(drop, one.WalletID)
		}
	}
	return keep, drop
}

// strays are wallets that nobody drives though each daemon has its share: the others have no node of their chain, or have a
// heartbeat and are dead all the same.
type strays struct {
	since map[int64]time.Time // since when nobody is seen to hold them
	taken map[int64]time.Time // when this daemon adopted them, beyond its share
}

// adoptFor is how long a stray is kept before it is offered to the others again.
const adoptFor = 10 * time.Minute

func (s strays) adopted(walletID int64, now time.Time) bool {
	at, there := s.taken[walletID]
	return there && !over(adoptFor, at, now)
}

// next says which free wallets to take: as many as there is room for, and those that nobody took for as long as a lease lasts.
func (s strays) next(free []int64, room int, now time.Time, ttl time.Duration) (want []int64, after strays) {
	after = strays{since: map[int64]time.Time{}, taken: map[int64]time.Time{}}
	for id, at := range s.taken {
		if s.adopted(id, now) {
			after.taken[id] = at
		}
	}
	for _, id := range free {
		at, seen := s.since[id]
		switch {
		case len(want) < room:
			want = append(want, id)
		case seen && over(ttl, at, now):
			want = append(want, id)
			after.taken[id] = now
		case seen:
			after.since[id] = at
		default:
			after.since[id] = now
		}
	}
	return want, after
}

// giveBack lets everything go at once, for the end of a daemon: the others need not wait for the leases to run out.
func (l *leases) giveBack(ctx context.Context) error {
	l.set(nil, nil)
	err := l.db.Update(ctx, func(tx store.Tx) error { return tx.DropLeases(ctx, l.holder, nil) })
	return storefault.Of(err, "give back the leases")
}
