package nonce

import (
	"time"

	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/strategy"
)

// kind is what a caller wants.
type kind int

const (
	plainCall kind = iota // nonces of a wallet it names
	bestCall              // nonces of the wallet the strategy chooses
	bindCall              // a wallet and a nonce for each of its payments
)

// call is what one caller hands in. It is not changed afterwards.
type call struct {
	kind     kind
	refused  error  // refused before any lock; it is in the batch only to be recorded
	request  string // of plain and best
	content  string
	count    int // nonces wanted; payments of a bind
	chain    pool
	address  string // of plain
	walletID int64
	devices  devices // of best and bind
	bind     BindCall
}

// answer is what one caller gets.
type answer struct {
	reservation Reservation
	bound       []Bound
}

// facts are all that a decision rests on.
type facts struct {
	store.ReserveFacts
	// withdrawals is the state of the payments to bind, by payment id.
	withdrawals map[string]string
	// others are wallets of the chains that were not locked, because they cannot be chosen: only read to name the reason.
	others []store.Wallet
}

// rules are what does not change between batches, but for the turns.
type rules struct {
	ttl      time.Duration
	strategy func(chainType string, chainID int64) (strategy.Strategy, error)
	actor    string
	turn     uint64           // choices made before
	turns    map[int64]uint64 // by wallet id, how many those were when it was chosen last; only read
}

// decision is what a batch comes to: what is to be written, and what each caller is told once that is committed.
type decision struct {
	write    store.ReservePlan
	releases []store.Nonce // expired reservations whose payment moves to another wallet: given back before write
	answers  []groupcommit.Outcome[answer]
	turn     uint64
	chosen   map[int64]uint64 // the turns of the wallets that were chosen
	// unavailable: some caller found no wallet. Decided again with facts.others, its message can name every wallet.
	unavailable bool
}

// plan decides a batch. It has no effects: with the same facts it says the same, however often it is asked. The calls are
// served in order, each whole or not at all; each sees what those before it were given.
func plan(f facts, calls []*call, r rules) decision {
	b := open(f, calls, r)
	answers := make([]groupcommit.Outcome[answer], len(calls))
	paused := storefault.Paused(f.Restored)
	for i, c := range calls {
		switch {
		case c.refused != nil:
			answers[i].Err = c.refused
		case paused != nil: // also who held a nonce in the backup: it may be spent since
			answers[i].Err = paused
		case c.kind == bindCall:
			answers[i].Value.bound = b.bind(c)
		default:
			answers[i].Value.reservation, answers[i].Err = b.reserve(c)
		}
	}
	return b.close(calls, answers)
}

// reserve serves a plain or a best call.
func (b *book) reserve(c *call) (Reservation, error) {
	known, seen := b.requests[c.request]
	if seen && (known.Kind != store.KindReservation || known.Content != c.content) {
		return Reservation{}, differs(known, c)
	}
	lines := b.lines(c.request, c.count)
	var a *account
	switch {
	case seen:
		if a = b.accounts[known.WalletID]; a == nil {
			return Reservation{}, boundToInactive(known)
		}
	case c.kind == plainCall:
		if a = b.accounts[c.walletID]; a == nil || a.row.Address != c.address || poolOf(a.row) != c.chain {
			return Reservation{}, identity{c.chain, c.address}.notFound()
		}
	default:
		var err error
		if a, err = b.choose(c); err != nil {
			return Reservation{}, err
		}
	}
	if lines.give > 0 {
		if err := a.canGive(lines.fresh); err != nil {
			return Reservation{}, err
		}
	}
	if !seen {
		b.remember(store.Request{
			ID: c.request, Kind: store.KindReservation, Content: c.content, WalletID: a.row.ID, Count: c.count, CreatedAt: b.now,
		})
	}
	out := Reservation{Request: c.request, Again: lines.give == 0, Rows: make([]Row, c.count)}
	for i := range out.Rows {
		n := lines.rows[i]
		if n == nil || b.expired(n) {
			n = b.give(a, c.request, i, n)
		}
		out.Rows[i] = rowOf(n, c.count)
	}
	out.Wallet = a.wallet()
	return out, nil
}

// lines are the rows that a request has, and how many it lacks.
type lines struct {
	rows  []*store.Nonce // by row; nil: missing
	give  int            // rows to be given: missing or expired
	fresh int            // of those the missing ones
}

func (b *book) lines(request string, count int) lines {
	l := lines{rows: make([]*store.Nonce, count)}
	held := b.held[request]
	for i := range l.rows {
		n := held[i]
		if l.rows[i] = n; n == nil {
			l.fresh++
			l.give++
		} else if b.expired(n) {
			l.give++
		}
	}
	return l
}

func rowOf(n *store.Nonce, count int) Row {
	r := Row{Row: n.Row, Payment: PaymentID(n.Request, n.Row, count), Nonce: n.Nonce, Fence: n.Fence}
	if n.State == store.NonceReserved {
		r.ExpiresAt = n.ExpiresAt
	}
	return r
}
