package withdrawal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

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
	Chains  []ChainSetup
	Cache   *wallet.Cache    // the process's; default: one of the engine's own
	Now     func() time.Time // the clock of back-off alone; what is due is judged by the store's. Default time.Now
	Log     *slog.Logger     // default: nothing is logged
	Actor   string           // who, in audit rows
}

// Engine moves withdrawals to their ends. It holds nothing that the database does not hold, but for when to try again; so
// whichever daemon starts next goes on where the last one was, however that ended.
type Engine struct {
	book  book
	lanes []*lane
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
	e := &Engine{book: o.Chains}
	for _, s := range o.Chains {
		e.lanes = append(e.lanes, newLane(s, o))
	}
	return e
}

// Wake tells a running engine that something was accepted or signed in this process. What other processes did is found by
// looking every so often.
func (e *Engine) Wake() {
	for _, l := range e.lanes {
		l.wake(stepBind, stepSign, stepSend)
	}
}

// Steps are all of the engine's kinds of passes. Their order is that in which one thread makes them.
func (e *Engine) Steps() []Step {
	var all []Step
	for _, l := range e.lanes {
		all = append(all, l.steps()...)
	}
	return all
}

// Run moves payments until ctx ends, and returns its error. Before it begins, it asks every node for its chain id: a wrong one
// is returned, a node that does not answer is asked again later. One engine runs per database; whoever calls sees to that.
func (e *Engine) Run(ctx context.Context) error {
	for _, l := range e.lanes {
		if err := l.chain.Identify(ctx); err != nil && !errors.Is(err, fault.Unreachable) {
			return err
		}
	}
	var all sync.WaitGroup
	for _, l := range e.lanes {
		l.log.Info("paying", "max_unmined", l.setup.MaxUnmined, "poll", l.setup.Poll)
		for _, s := range l.steps() {
			all.Go(func() { l.loop(ctx, s) })
		}
	}
	all.Wait()
	<-ctx.Done() // with no chain configured, there is nothing else to wait for
	return ctx.Err()
}

// ledgerID is the ledger's own id, which every intent carries.
func ledgerID(ctx context.Context, db store.DB) (string, error) {
	id, err := db.Ledger(ctx)
	return id, storefault.Of(err, "read the ledger's id")
}
