package withdrawal

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// DeskOptions are what a Desk works with.
type DeskOptions struct {
	DB     store.DB
	Admin  store.DB // DB for what only an operator does: bump, cancel, queue again, lift alarms; nil: DB itself
	Chains []ChainSetup
	Actor  string // who, in audit rows
	// Signer says where payments stand at the signing machine; without it nothing can be queued again after review.
	Signer signing.Releases
	// Service signs authorizations for callers of Submit who bring none. The zero value: nobody does.
	Service Service
	// Halted says why nothing is accepted for now, as EngineOptions.Halted does. What is in the inbox waits meanwhile.
	Halted func(context.Context) error
	Wake   func() // called after something was accepted; nil: nobody waits for it here
	Inline bool   // every caller writes for himself, in his own goroutine, one at a time: for a simulation
}

// Desk accepts withdrawals and shows what became of them. All methods may be called from many goroutines.
type Desk struct {
	db     store.DB
	admin  store.DB
	book   book
	actor  string
	signer signing.Releases
	wake   func()
	halted func(context.Context) error
	auth   *authorizer
	group  *groupcommit.Group[order, receipt]
}

// receipt is the answer to one order.
type receipt struct {
	withdrawal Withdrawal
	already    bool
}

// maxOrders is how many callers one commit carries at most.
const maxOrders = 1024

// NewDesk opens a Desk. Close ends it.
func NewDesk(o DeskOptions) *Desk {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Halted == nil {
		o.Halted = func(context.Context) error { return nil }
	}
	if o.Admin == nil {
		o.Admin = o.DB
	}
	if o.Signer == nil {
		o.Signer = noReleases{}
	}
	d := &Desk{db: o.DB, admin: o.Admin, book: o.Chains, actor: o.Actor, signer: o.Signer, wake: o.Wake, halted: o.Halted, auth: newAuthorizer(o.DB, o.Service)}
	if o.Inline {
		d.group = groupcommit.Inline(d.accept)
	} else {
		d.group = groupcommit.New(maxOrders, d.accept)
	}
	return d
}

// Close answers everybody who has already called, then ends the Desk. It does not close the database.
func (d *Desk) Close() { d.group.Close() }

// Submit accepts a withdrawal: once it returns without an error the payment is on disk, and the daemon will pay it exactly
// once. The same request id with the same content answers with the same withdrawal, and already is true; with other content
// it is a fault.Refused that shows both. A value that cannot be right is a fault.Usage, and so is an authorization that is none or is
// for something else. Where none comes with it the service key signs one, if there is one. Authorizations that come later, with the same
// id, take the place of those before, if those are refused or expire sooner and nothing is asked for yet.
//
// If ctx ends before the write has begun nothing is written; later, the write stands and the same request id finds it. After
// an error of kind fault.Unreachable or fault.Conflict, submit again with the same request id.
func (d *Desk) Submit(ctx context.Context, r Request) (w Withdrawal, already bool, err error) {
	if err := d.halted(ctx); err != nil {
		return Withdrawal{}, false, err
	}
	o, err := d.order(ctx, r)
	if err == nil {
		err = d.auth.sign(ctx, &o)
	}
	if err != nil {
		return Withdrawal{}, false, err
	}
	got, err := d.group.Do(ctx, o)
	if errors.Is(err, groupcommit.ErrClosed) {
		err = fault.Wrap(err, fault.Unreachable, "closed", "open coffer again", "accept withdrawal %s", r.ID)
	}
	return got.withdrawal, got.already, err
}

// order checks a request and what comes with it.
func (d *Desk) order(ctx context.Context, r Request) (order, error) {
	o, err := d.book.check(r)
	if err != nil {
		return order{}, err
	}
	return o, d.auth.take(ctx, &o, r.Authorizations)
}
