package nonce

import (
	"maps"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// book is a batch being decided: the facts, moved on by what was given so far.
type book struct {
	rules
	now         time.Time
	fences      int64 // below every fence that is given for a nonce of its own
	accounts    map[int64]*account
	order       []*account // by wallet id
	others      []store.Wallet
	requests    map[string]store.Request
	held        map[string]map[int]*store.Nonce // by request id and row
	withdrawals map[string]string

	write       store.ReservePlan
	releases    []store.Nonce
	chosen      map[int64]uint64 // turns of this batch, by wallet id
	unavailable bool
}

// account is a locked wallet.
type account struct {
	row     store.Wallet // Nonce is the cursor, as it moves
	cursor  uint64       // where it was
	load    store.Load
	free    []store.Nonce // what can be given below the cursor, lowest first
	given   []uint64      // nonces that this batch gave, in order
	claimed int           // of those and its load: room taken by bindings of this batch
	turn    uint64        // the turn after which it was chosen last; 0: not yet
}

// open lays out the facts. Expired rows that requests of the batch hold are kept for those: who of two callers of one batch
// came first must not decide whether the other keeps its nonce.
func open(f facts, calls []*call, r rules) *book {
	b := &book{
		rules: r, now: f.Now, fences: f.Restored.FenceBase(), others: f.others, withdrawals: maps.Clone(f.withdrawals),
		accounts: make(map[int64]*account, len(f.Wallets)), chosen: map[int64]uint64{},
		order:    make([]*account, 0, len(f.Wallets)),
		requests: make(map[string]store.Request, len(f.Requests)),
		held:     make(map[string]map[int]*store.Nonce, len(f.Requests)),
	}
	for i, w := range f.Wallets {
		a := &account{row: w, cursor: w.Nonce, turn: r.turns[w.ID]}
		if i < len(f.Loads) {
			a.load = f.Loads[i]
		}
		b.accounts[w.ID] = a
		b.order = append(b.order, a)
	}
	for _, req := range f.Requests {
		b.requests[req.ID] = req
	}
	for i := range f.Held {
		b.hold(&f.Held[i])
	}
	own := b.ownRequests(calls)
	for _, n := range f.Free {
		if a := b.accounts[n.WalletID]; a != nil && (n.State == store.NonceFree || !own[n.Request]) {
			a.free = append(a.free, n)
		}
	}
	return b
}

// ownRequests are the requests of the batch that will be answered with the rows they hold.
func (b *book) ownRequests(calls []*call) map[string]bool {
	own := make(map[string]bool, len(b.requests))
	for _, c := range calls {
		for _, p := range c.bind.Payments {
			own[p.Request] = true
		}
		if known, ok := b.requests[c.request]; ok && known.Content == c.content && known.Kind == store.KindReservation {
			own[c.request] = true
		}
	}
	return own
}

func (b *book) hold(n *store.Nonce) {
	rows := b.held[n.Request]
	if rows == nil {
		rows = map[int]*store.Nonce{}
		b.held[n.Request] = rows
	}
	rows[n.Row] = n
}

func (b *book) remember(r store.Request) {
	b.requests[r.ID] = r
	b.write.Requests = append(b.write.Requests, r)
}

func (b *book) expired(n *store.Nonce) bool {
	return n.State == store.NonceReserved && !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(b.now)
}

// give reserves a nonce of a for a row of a request: again the expired one it had, if any; else the lowest that is free;
// else the one at the cursor.
func (b *book) give(a *account, request string, row int, had *store.Nonce) *store.Nonce {
	var n store.Nonce
	switch {
	case had != nil:
		n = *had
		n.Fence++
	case len(a.free) > 0:
		n = a.free[0]
		a.free = a.free[1:]
		n.Fence++
	default:
		n = store.Nonce{WalletID: a.row.ID, Nonce: a.row.Nonce, Fence: b.fences + 1}
		a.row.Nonce++
	}
	n.State, n.Request, n.Row, n.Hash, n.UpdatedAt, n.ExpiresAt = store.NonceReserved, request, row, "", b.now, time.Time{}
	if a.row.Device != "" {
		n.ExpiresAt = b.now.Add(b.ttl)
	}
	if n.Nonce >= a.cursor {
		b.write.Insert = append(b.write.Insert, n)
	} else {
		b.write.Take = append(b.write.Take, n)
	}
	a.row.UpdatedAt = b.now
	a.given = append(a.given, n.Nonce)
	b.hold(&n)
	return &n
}

// canGive says whether the wallet may give nonces, fresh of them from the free ones and the cursor on.
func (a *account) canGive(fresh int) error {
	if !a.row.Active {
		return inactive(a.row)
	}
	if o := braked(a.row, a.load); o.why != "" {
		return fault.New(fault.Unavailable, "wallet_braked", "coffer alarms",
			"wallet %s on %s gets no new nonces: it is %s", a.row.Address, poolOf(a.row), o.why)
	}
	if !a.hasNonces(fresh) {
		return exhausted(a.row)
	}
	return nil
}

// hasNonces: the cursor never goes above MaxCursor.
func (a *account) hasNonces(fresh int) bool {
	beyond := fresh - len(a.free)
	return beyond <= 0 || (a.row.Nonce <= MaxCursor && uint64(beyond) <= MaxCursor-a.row.Nonce)
}

func (a *account) wallet() wallet.Wallet { return wallet.FromRow(a.row) }

// close is the decision that the book came to.
func (b *book) close(calls []*call, answers []groupcommit.Outcome[answer]) decision {
	for _, a := range b.order {
		if a.row.Nonce != a.cursor {
			b.write.Cursors = append(b.write.Cursors, store.CursorMove{WalletID: a.row.ID, From: a.cursor, To: a.row.Nonce})
		}
	}
	b.write.Audit = append(b.given(calls), refusals(calls, answers, b.actor)...)
	return decision{write: b.write, releases: b.releases, answers: answers, turn: b.turn, chosen: b.chosen, unavailable: b.unavailable}
}
