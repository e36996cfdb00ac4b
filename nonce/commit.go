package nonce

import (
	"context"
	"errors"
	"maps"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

const (
	// maxRows is how many nonces one transaction gives at most, but for a single caller who wants more.
	maxRows = 20_000
	// commitWithin ends a commit whose database does not answer; nobody's own context may, because others are in it.
	commitWithin = 2 * time.Minute
)

// commit serves a batch in as many transactions as its rows need; one, as a rule.
func (l *Ledger) commit(calls []*call) []groupcommit.Outcome[answer] {
	answers := make([]groupcommit.Outcome[answer], 0, len(calls))
	for len(calls) > 0 {
		n, rows := 1, calls[0].count
		for n < len(calls) && rows+calls[n].count <= maxRows {
			rows += calls[n].count
			n++
		}
		answers = append(answers, l.write(calls[:n])...)
		calls = calls[n:]
	}
	return answers
}

// write is one transaction: read under the locks, decide, write. Only then is anybody answered.
func (l *Ledger) write(calls []*call) []groupcommit.Outcome[answer] {
	ctx, cancel := context.WithTimeout(context.Background(), commitWithin)
	defer cancel()
	var d decision
	update := func() error {
		return l.db.Update(ctx, func(tx store.Tx) (err error) {
			if d, err = l.decide(ctx, tx, calls); err != nil {
				return err
			}
			return d.apply(ctx, tx)
		})
	}
	err := update()
	if errors.Is(err, store.ErrStale) {
		// A row that was read changed before it was written (a withdrawal was cancelled, a nonce asked for): decide anew.
		err = update()
	}
	switch {
	case err == nil:
		l.took(d)
		l.forgetMissing(calls, d.answers)
		return d.answers
	case errors.Is(err, store.ErrOutcomeUnknown):
		return l.readBack(calls, d, err)
	case errors.Is(err, store.ErrStale):
		err = fault.Wrap(err, fault.Conflict, "conflict", "try again with the same request id", "reserve nonces")
	}
	return failed(calls, storefault.Of(err, "reserve nonces"))
}

// took moves the turns on, once a decision stands.
func (l *Ledger) took(d decision) {
	l.turn = d.turn
	maps.Copy(l.turns, d.chosen)
}

func (l *Ledger) decide(ctx context.Context, tx store.Tx, calls []*call) (decision, error) {
	want := wanted(calls)
	var f facts
	var err error
	if f.ReserveFacts, err = tx.LockForReserve(ctx, want); err != nil {
		return decision{}, err
	}
	if f.withdrawals, err = waiting(ctx, tx, calls); err != nil {
		return decision{}, err
	}
	r := l.rules
	r.turn, r.turns = l.turn, l.turns
	d := plan(f, calls, r)
	if !d.unavailable {
		return d, nil
	}
	for _, p := range want.Pools {
		hot, err := tx.Wallets(ctx, store.WalletFilter{ChainType: p.ChainType, ChainID: &p.ChainID, WalletType: "hot"})
		if err != nil {
			return decision{}, err
		}
		f.others = append(f.others, hot...)
	}
	return plan(f, calls, r), nil
}

// wanted is what the batch has to lock and read.
func wanted(calls []*call) store.ReserveWant {
	var want store.ReserveWant
	wallets, pools, requests := map[int64]bool{}, map[pool]bool{}, map[string]bool{}
	ask := func(request string) {
		if !requests[request] {
			requests[request] = true
			want.Requests = append(want.Requests, request)
		}
	}
	for _, c := range calls {
		if c.refused != nil {
			continue
		}
		want.FreeLimit += c.count
		switch c.kind {
		case plainCall:
			if !wallets[c.walletID] {
				wallets[c.walletID] = true
				want.WalletIDs = append(want.WalletIDs, c.walletID)
			}
		default:
			if !pools[c.chain] {
				pools[c.chain] = true
				want.Pools = append(want.Pools, store.Pool{ChainType: c.chain.chainType, ChainID: c.chain.chainID})
			}
		}
		if c.kind != bindCall {
			ask(c.request)
		}
		for _, p := range c.bind.Payments {
			ask(p.Request)
		}
	}
	return want
}

// waiting reads the states of the payments to bind. It is asked only by batches that bind.
func waiting(ctx context.Context, r store.Reader, calls []*call) (map[string]string, error) {
	var payments []string
	for _, c := range calls {
		for _, p := range c.bind.Payments {
			payments = append(payments, p.Payment)
		}
	}
	if len(payments) == 0 {
		return nil, nil
	}
	found, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: payments})
	if err != nil {
		return nil, err
	}
	states := make(map[string]string, len(found))
	for _, w := range found {
		states[w.Payment] = w.State
	}
	return states, nil
}

// apply writes the decision.
func (d decision) apply(ctx context.Context, tx store.Tx) error {
	for _, n := range d.releases {
		if err := tx.Release(ctx, n.WalletID, n.Nonce, n.Fence); err != nil {
			return err
		}
	}
	switch w := d.write; {
	case len(w.Insert)+len(w.Take)+len(w.Requests)+len(w.Assign) > 0:
		return tx.Reserve(ctx, w)
	case len(w.Audit) > 0:
		return tx.Record(ctx, w.Audit)
	}
	return nil
}

// failed answers a batch of which nothing was written. Who was refused before the locks was refused all the same; any other
// refusal may have rested on what was to be given to somebody else.
func failed(calls []*call, err error) []groupcommit.Outcome[answer] {
	out := make([]groupcommit.Outcome[answer], len(calls))
	for i, c := range calls {
		out[i].Err = err
		if c.refused != nil {
			out[i].Err = unrecorded(c.refused, err)
		}
	}
	return out
}

// forgetMissing drops from the cache the wallets that turned out not to be the ones they were.
func (l *Ledger) forgetMissing(calls []*call, answers []groupcommit.Outcome[answer]) {
	for i, c := range calls {
		if c.kind == plainCall && c.refused == nil && errors.Is(answers[i].Err, fault.NotFound) {
			l.cache.Drop(c.chain.chainType, c.chain.chainID, c.address)
		}
	}
}
