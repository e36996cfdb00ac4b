package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// lane is the engine's part for one chain. Its steps share nothing but the database: each reads the rows that are its
// business, decides by pure functions, does its input and output, and writes by compare-and-set.
type lane struct {
	setup     ChainSetup
	chain     chain.Chain
	db        store.DB
	ledger    Binder
	signer    signing.Signer
	cache     *wallet.Cache
	now       func() time.Time
	log       *slog.Logger
	actor     string
	name      string // evm:1
	observer  Observer
	leases    *leases
	gate      *gate
	reachable *reachable
	wakes     map[string]chan struct{}
	costs     spends

	aside     asides           // payments that are left alone for a while
	throttles throttles        // wallets that the signing machine's limits hold back
	spent     map[spot]int     // passes in a row that saw a nonce spent by something else; only the track step's
	resent    map[int64]int64  // by wallet, the epoch in which the send step has sent all once; only the send step's
	watch     watch            // what the guard step remembers
	heads     map[int64]uint64 // by attempt, the height at which the mend step saw it first; only that step's
}

func newLane(s ChainSetup, o EngineOptions, ls *leases, g *gate, at *reachable) *lane {
	l := &lane{
		setup: s, chain: s.Chain, db: o.DB, ledger: o.Ledger, signer: o.Machine, cache: o.Cache, now: o.Now, actor: o.Actor,
		name: fmt.Sprintf("%s:%d", s.Type, s.ID), observer: o.Observer,
		log:   o.Log.With("chain", fmt.Sprintf("%s:%d", s.Type, s.ID)),
		wakes: map[string]chan struct{}{}, spent: map[spot]int{}, resent: map[int64]int64{}, heads: map[int64]uint64{}, leases: ls, gate: g, reachable: at,
	}
	for _, s := range l.steps() {
		l.wakes[s.Name] = make(chan struct{}, 1)
	}
	return l
}

// The steps by name.
const (
	stepBind  = "bind"
	stepSign  = "sign"
	stepSend  = "send"
	stepTrack = "track"
	stepMend  = "mend"
	stepLease = "lease"
	stepGuard = "guard"
)

// Step is one kind of pass over the rows that are its business. Whoever calls passes himself (the simulator) needs no Run.
type Step struct {
	Lane  string // chain type and id, evm:1; empty: all chains
	Name  string
	Every time.Duration // at least so often
	// Pass does what there is to do now. again means that more is there already.
	Pass func(context.Context) (again bool, err error)
}

// lookEvery is how often the database is looked at for what other processes wrote, if the chain is not asked more often.
const lookEvery = 500 * time.Millisecond

func (l *lane) steps() []Step {
	look, name := min(l.setup.Poll, lookEvery), l.name
	return []Step{
		{name, stepBind, look, l.unlessHalted(l.unlessPaused(l.bind))},
		{name, stepMend, max(l.setup.Poll, lookEvery), l.unlessHalted(l.mend)},
		{name, stepSign, look, l.unlessHalted(l.sign)},
		{name, stepSend, look, l.unlessHalted(l.send)},
		{name, stepTrack, l.setup.Poll, l.track},
		{name, stepGuard, max(l.setup.Poll, guardEvery), l.guard},
	}
}

// unlessHalted is a pass that fails with the reason while nothing new is to be done.
func (l *lane) unlessHalted(pass func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		if err := l.gate.halted(ctx); err != nil {
			return false, err
		}
		return pass(ctx)
	}
}

// unlessPaused is a pass that does nothing while a restore waits for its acceptance.
func (l *lane) unlessPaused(pass func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		is := false
		err := l.db.View(ctx, func(r store.Reader) (err error) {
			is, err = paused(ctx, r)
			return err
		})
		if err != nil || is {
			return false, storefault.Of(err, "see whether the ledger is paused")
		}
		return pass(ctx)
	}
}

// loop makes passes until ctx ends: at once while there is more, else when woken or when it is time.
func (l *lane) loop(ctx context.Context, s Step) {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	troubles := trouble{log: l.log.With("step", s.Name), now: l.now}
	for ctx.Err() == nil {
		began := time.Now()
		again, err := s.Pass(ctx)
		if ctx.Err() != nil {
			return
		}
		l.observer.Step(l.name, s.Name, time.Since(began), err)
		troubles.tell(err)
		l.gate.lost(err)
		if again && err == nil {
			continue
		}
		select {
		case <-l.wakes[s.Name]:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// wake has the named steps look at once.
func (l *lane) wake(steps ...string) {
	for _, s := range steps {
		nudge(l.wakes[s])
	}
}

// afterwards is the context to write down what has happened: the end of the daemon does not undo it.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// settle writes n moves in one transaction. If one of them is stale, because somebody else knew the same earlier, each half is written by
// itself, down to the one; what a stale one should have said is there already, or is found again by the next pass. One by one from the
// start, hundreds of commits would hold up everybody for seconds whenever two steps meet.
func settle(n int, write func(from, to int) error) error { return settleRange(0, n, write) }

func settleRange(from, to int, write func(from, to int) error) error {
	err := write(from, to)
	if !errors.Is(err, store.ErrStale) {
		return err
	}
	if to-from <= 1 {
		return nil
	}
	half := from + (to-from)/2
	if err := settleRange(from, half, write); err != nil {
		return err
	}
	return settleRange(half, to, write)
}

// update writes about wallets that this daemon drives. ErrStale, with nothing written, if it does not drive one of them any more.
func (l *lane) update(ctx context.Context, walletIDs []int64, fn func(store.Tx) error) error {
	leases := l.leases.of(walletIDs...)
	return l.db.Update(ctx, func(tx store.Tx) error {
		if len(leases) > 0 {
			if err := tx.HoldLeases(ctx, leases); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

// attempts selects those of the wallets that this daemon drives, withdrawals those that were not asked for yet.
func (l *lane) attempts(states ...string) store.AttemptFilter {
	f := l.allAttempts(states...)
	f.WalletIDs = l.leases.ids()
	return f
}

// allAttempts selects those of the lane's chain.
func (l *lane) allAttempts(states ...string) store.AttemptFilter {
	return store.AttemptFilter{ChainType: l.setup.Type, ChainID: &l.setup.ID, States: states, By: "nonce"}
}

func (l *lane) withdrawals(states ...string) store.WithdrawalFilter {
	return store.WithdrawalFilter{ChainType: l.setup.Type, ChainID: &l.setup.ID, States: states, Unasked: true}
}

// inReview reads the chain's payments that wait for a person.
func (l *lane) inReview(ctx context.Context, r store.Reader) ([]store.Withdrawal, error) {
	return r.Withdrawals(ctx, store.WithdrawalFilter{
		ChainType: l.setup.Type, ChainID: &l.setup.ID, States: []string{store.WithdrawalNeedsReview},
	})
}

// txOf is a signed attempt as the chain knows it.
func txOf(a store.Attempt) (chain.Tx, error) {
	intent, err := signing.Parse(a.Intent)
	if err != nil {
		return chain.Tx{}, fmt.Errorf("attempt %d: %w", a.ID, err)
	}
	return chain.Tx{Intent: intent, Raw: a.Raw, Hash: a.Hash}, nil
}

func txsOf(as []store.Attempt) ([]chain.Tx, error) {
	txs := make([]chain.Tx, len(as))
	for i, a := range as {
		var err error
		if txs[i], err = txOf(a); err != nil {
			return nil, err
		}
	}
	return txs, nil
}
