package nonce

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/strategy"
	"coffer.internal/wallet"
)

// DefaultTTL is how long a reservation stands when Options do not say.
const DefaultTTL = 60 * time.Second

// maxCalls is how many callers one commit carries at most.
const maxCalls = 1024

// Options are what a Ledger works with; only DB is required.
type Options struct {
	DB store.DB
	// Admin is DB for what only an operator does, which is Sync and SyncBatch; nil: DB itself.
	Admin store.DB
	// TTL is how long a reservation stands on a wallet whose key a signing machine holds; default DefaultTTL. On any other
	// wallet a reservation never ends by itself: its key signs elsewhere, unseen.
	TTL time.Duration
	// Strategy says how the wallet of a chain is chosen; nil: strategy.LowestNonce. Its error refuses every caller who needs a
	// choice on that chain, and nobody else.
	Strategy func(chainType string, chainID int64) (strategy.Strategy, error)
	// Devices lists the signing machines that answer now; its answer is used for up to a second. nil: any device will do.
	Devices func(ctx context.Context) ([]string, error)
	// Cache is the process's; nil: one of the ledger's own.
	Cache *wallet.Cache
	// Actor is who, in audit rows.
	Actor string
	// Inline has every caller write for himself, in his own goroutine, one at a time: for a simulation.
	Inline bool
	// Now is the clock of the Devices cache and of a Cache of its own alone (expiry is judged by the store's clock); default
	// time.Now.
	Now func() time.Time
}

// Ledger is a process's way to the nonces of a database. All methods may be called from many goroutines.
type Ledger struct {
	db      store.DB
	admin   store.DB
	rules   rules
	devices *deviceCache
	cache   *wallet.Cache
	group   *groupcommit.Group[*call, answer]

	turn   uint64           // choices made so far; only the group's goroutine touches it, and turns
	turns  map[int64]uint64 // by wallet id: turn after it was chosen last
	looked atomic.Uint64    // choices made by Best
}

// New starts a Ledger. Close ends it.
func New(o Options) *Ledger {
	if o.TTL <= 0 {
		o.TTL = DefaultTTL
	}
	if o.Admin == nil {
		o.Admin = o.DB
	}
	if o.Strategy == nil {
		o.Strategy = func(string, int64) (strategy.Strategy, error) { return strategy.LowestNonce{}, nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cache == nil {
		o.Cache = wallet.NewCache(o.Now)
	}
	l := &Ledger{
		db:      o.DB,
		admin:   o.Admin,
		cache:   o.Cache,
		rules:   rules{ttl: o.TTL, strategy: o.Strategy, actor: o.Actor},
		devices: newDeviceCache(o.Devices, o.Now),
		turns:   map[int64]uint64{},
	}
	if o.Inline {
		l.group = groupcommit.Inline(l.commit)
	} else {
		l.group = groupcommit.New(maxCalls, l.commit)
	}
	return l
}

// Close answers everybody who has already called, then ends the Ledger. It does not close the database.
func (l *Ledger) Close() { l.group.Close() }

// Reserve gives the request nonces of one wallet: the lowest free ones, then those at the cursor. The wallet may be of any
// type but must be active. Said again with the same content it answers with the rows the request still has, renews those
// that expired and that nobody took (same nonce, next fence), and gives new ones for the rest.
//
// If ctx ends before the write has begun nothing is written; later, the write stands and the same request id finds it.
// After an error of kind fault.Unreachable or fault.Conflict, ask again with the same request id.
func (l *Ledger) Reserve(ctx context.Context, c Call) (Reservation, error) {
	if err := CheckRequestID(c.Request); err != nil {
		return Reservation{}, err
	}
	count, err := countOf(c.Count)
	if err != nil {
		return Reservation{}, err
	}
	id, err := identify(c.Address, c.ChainID)
	if err != nil {
		return Reservation{}, err
	}
	in := &call{
		kind: plainCall, request: c.Request, count: count, chain: id.chain, address: id.address,
		content: plainContent(id.chain, id.address, count),
	}
	if in.walletID, err = l.walletID(ctx, id); errors.Is(err, fault.NotFound) {
		in.refused = err
	} else if err != nil {
		return Reservation{}, err
	}
	a, err := l.do(ctx, in)
	return a.reservation, err
}

// ReserveBest chooses an active hot wallet whose key a reachable signing machine holds, by the chain's strategy, and
// reserves its nonces for the request, in one step: so a burst of callers is spread, because each choice sees what the ones
// before it were given. Said again it answers like Reserve, for the wallet that was chosen the first time.
//
// If no wallet can be chosen the error is fault.Unavailable with each wallet's reason.
func (l *Ledger) ReserveBest(ctx context.Context, c BestCall) (Reservation, error) {
	if err := CheckRequestID(c.Request); err != nil {
		return Reservation{}, err
	}
	count, err := countOf(c.Count)
	if err != nil {
		return Reservation{}, err
	}
	chain, err := parseChain(c.ChainType, c.ChainID)
	if err != nil {
		return Reservation{}, err
	}
	in := &call{kind: bestCall, request: c.Request, count: count, chain: chain, content: bestContent(chain, count)}
	in.devices = l.devices.get(ctx)
	a, err := l.do(ctx, in)
	return a.reservation, err
}

// Bind gives payments a wallet and a nonce, all in one commit: in order, each to a wallet that the strategy chooses of those
// with room and funds for it. Payments that have a standing nonce are answered with it; one whose reservation expired gets
// the same nonce again if nobody took it and its wallet can still pay, else another. What cannot be bound has its Err; the
// others stand. An error means that none was bound, or that it is not known: Bind again.
func (l *Ledger) Bind(ctx context.Context, c BindCall) ([]Bound, error) {
	if len(c.Payments) == 0 {
		return nil, nil
	}
	chain, err := parseChain(c.ChainType, c.ChainID)
	if err != nil {
		return nil, err
	}
	for _, p := range c.Payments {
		if p.Amount == nil || p.Amount.Sign() < 0 || p.MaxFee == nil || p.MaxFee.Sign() < 0 {
			return nil, fault.New(fault.Usage, "bad_amount", "give amount and highest fee in base units, 0 or more",
				"payment %s has amount %v and highest fee %v", p.Payment, p.Amount, p.MaxFee)
		}
	}
	in := &call{kind: bindCall, chain: chain, bind: c, count: len(c.Payments), devices: l.devices.get(ctx)}
	if in.devices.err != nil {
		return nil, in.devices.err
	}
	a, err := l.do(ctx, in)
	return a.bound, err
}

func (l *Ledger) do(ctx context.Context, in *call) (answer, error) {
	a, err := l.group.Do(ctx, in)
	if errors.Is(err, groupcommit.ErrClosed) {
		return a, fault.Wrap(err, fault.Unreachable, "closed", "open coffer again", "the nonce ledger is closed")
	}
	return a, err
}

func parseChain(chainType string, chainID int64) (pool, error) {
	ct, err := wallet.ParseChainType(chainType)
	if err != nil {
		return pool{}, err
	}
	if err := wallet.CheckChainID(ct, chainID); err != nil {
		return pool{}, err
	}
	return pool{chainType: string(ct), chainID: chainID}, nil
}
