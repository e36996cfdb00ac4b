package withdrawal

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// Binder gives payments wallets and nonces; nonce.Ledger does.
type Binder interface {
	Bind(ctx context.Context, c nonce.BindCall) ([]nonce.Bound, error)
}

// EngineOptions are what an Engine works with; all but Cache, Now and Log are required.
type EngineOptions struct {
	DB      store.DB
	Ledger  Binder
	Machine signing.Signer
	// Journal is the same machine as one that tells what it ever answered: nothing is asked for or signed before that is compared with the
	// ledger. nil: it is not compared.
	Journal Journaling
	Chains  []ChainSetup
	Cache   *wallet.Cache    // the process's; default: one of the engine's own
	Now     func() time.Time // the clock of back-off alone; what is due is judged by the store's. Default time.Now
	Log     *slog.Logger     // default: nothing is logged
	Actor   string           // who, in audit rows
	Service Service          // signs authorizations for callers of Pay who bring none; the zero value: nobody does
	// Observer is told what the engine does; default: nobody.
	Observer Observer

	// Holder names this daemon among those that drive wallets of the same database; default: a name of its own. Whoever is the
	// only one there may be, by a lock, takes the same name each time: so it need not wait for the lease of its dead predecessor.
	Holder string
	Lease  time.Duration // how long wallets stay with a daemon that says nothing any more; default 15 s
	// Halted says why nothing new is to be done for now, such as because the settings were revoked. nil, or an answer of nil: nothing stands in
	// the way. It is asked before each pass and each payment made from Go, so it has to be cheap. What is out is followed all the same.
	Halted func(context.Context) error
	// Daemons says how many drive this database now, this one included. Default: this one alone.
	Daemons func(context.Context, store.Reader) (int, error)
}

// Engine moves withdrawals to their ends. It holds nothing that the database does not hold, but for when to try again; so
// whichever daemon starts next goes on where the last one was, however that ended.
type Engine struct {
	book      book
	lanes     []*lane
	leases    *leases
	auth      *authorizer
	gate      *gate
	reachable *reachable
	log       *slog.Logger
	now       func() time.Time
}

// NewEngine makes an Engine. It does nothing before Run or Pay.
func NewEngine(o EngineOptions) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Cache == nil {
		o.Cache = wallet.NewCache(o.Now)
	}
	if o.Holder == "" {
		o.Holder = rand.Text()
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Halted == nil {
		o.Halted = func(context.Context) error { return nil }
	}
	if o.Daemons == nil {
		o.Daemons = func(context.Context, store.Reader) (int, error) { return 1, nil }
	}
	e := &Engine{
		book: o.Chains, leases: newLeases(o), gate: newGate(o), reachable: newReachable(o.Machine), auth: newAuthorizer(o.DB, o.Service), log: o.Log, now: o.Now,
	}
	e.gate.take = e.taken
	for _, s := range o.Chains {
		e.lanes = append(e.lanes, newLane(s, o, e.leases, e.gate, e.reachable))
	}
	return e
}

// Wake tells a running engine that something was accepted or signed in this process. What other processes did is found by
// looking every so often.
func (e *Engine) Wake() {
	for _, l := range e.lanes {
		l.wake(stepBind, stepSign, stepSend, stepTrack, stepMend)
	}
}

// Steps are all of the engine's kinds of passes. Their order is that in which one thread makes them.
func (e *Engine) Steps() []Step {
	all := []Step{e.leaseStep(), e.gate.step()}
	for _, l := range e.lanes {
		all = append(all, l.steps()...)
	}
	return all
}

// leaseStep is what says which wallets are this daemon's; everything looks at them anew when that changes.
func (e *Engine) leaseStep() Step {
	return Step{Name: stepLease, Every: e.leases.ttl / 3, Pass: func(ctx context.Context) (bool, error) {
		more, err := e.leases.pass(ctx)
		if more {
			e.Wake()
		}
		return false, err
	}}
}

// Run moves payments until ctx ends, and returns its error. Before it begins, it asks every node for its chain id: a wrong one
// is returned, a node that does not answer is asked again later.
func (e *Engine) Run(ctx context.Context) error {
	for _, l := range e.lanes {
		if err := l.chain.Identify(ctx); err != nil && !errors.Is(err, fault.Unreachable) {
			return err
		}
	}
	var all sync.WaitGroup
	all.Go(func() { e.loopLeases(ctx) })
	all.Go(func() { e.loopReceipts(ctx) })
	for _, l := range e.lanes {
		l.log.Info("paying", "max_unmined", l.setup.MaxUnmined, "poll", l.setup.Poll)
		for _, s := range l.steps() {
			all.Go(func() { l.loop(ctx, s) })
		}
		if h, ok := l.chain.(chain.Heads); ok {
			all.Go(func() { h.Heads(ctx, func() { l.wake(stepTrack) }) })
		}
	}
	all.Wait()
	return ctx.Err()
}

// HandOver gives the wallets back after Run has ended, so that the others need not wait for the leases to run out.
func (e *Engine) HandOver(ctx context.Context) error { return e.leases.giveBack(ctx) }

// loopLeases keeps the leases until ctx ends, and looks at once when another daemon gave some back.
func (e *Engine) loopLeases(ctx context.Context) {
	s := e.leaseStep()
	given := make(chan struct{}, 1)
	var listening sync.WaitGroup
	defer listening.Wait()
	if l, ok := e.leases.db.(store.Listener); ok {
		listening.Go(func() { l.Listen(ctx, store.TopicLeases, func() { nudge(given) }) })
	}
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	troubles := trouble{log: e.log.With("step", s.Name), now: e.now}
	for ctx.Err() == nil {
		_, err := s.Pass(ctx)
		if ctx.Err() != nil {
			return
		}
		troubles.tell(err)
		e.gate.lost(err)
		again := tick.C
		if err != nil {
			again = time.After(lookEvery) // the leases run out otherwise
		}
		select {
		case <-again:
		case <-given:
		case <-ctx.Done():
		}
	}
}

// loopReceipts compares ledger and signing machine until ctx ends.
func (e *Engine) loopReceipts(ctx context.Context) {
	s := e.gate.step()
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	troubles := trouble{log: e.log.With("step", s.Name), now: e.now}
	for ctx.Err() == nil {
		_, err := s.Pass(ctx)
		if ctx.Err() != nil {
			return
		}
		troubles.tell(err)
		e.gate.lost(err)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// nudge wakes whoever waits on a channel that holds one.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is woken already
	}
}

// ledgerID is the ledger's own id, which every intent carries.
func ledgerID(ctx context.Context, db store.DB) (string, error) {
	id, err := db.Ledger(ctx)
	return id, storefault.Of(err, "read the ledger's id")
}
