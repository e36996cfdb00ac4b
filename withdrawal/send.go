package withdrawal

import (
	"context"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// send gives signed bytes to the nodes, lowest nonce first, and again for as long as they are in no block: a node that took
// them may have dropped them, and one that did not answer may have them (F05, F15, F16). Sent again, a node says whether it still
// has them. They are the same bytes each time, so whatever is in doubt, a payment is sent at most once.
func (l *lane) send(ctx context.Context) (again bool, err error) {
	due, err := l.due(ctx)
	if err != nil || len(due) == 0 {
		return false, err
	}
	txs, err := txsOf(due)
	if err != nil {
		return false, err
	}
	results := l.chain.Send(ctx, txs)
	ctx, cancel := afterwards(ctx)
	defer cancel()
	err = settle(len(due), func(from, to int) error { return l.sent(ctx, due[from:to], results[from:to]) })
	if err != nil {
		return false, storefault.Of(err, "write down what was sent")
	}
	for _, a := range due {
		l.resent[a.WalletID] = l.leases.epoch(a.WalletID)
	}
	l.wake(stepTrack)
	return false, nil
}

// sent writes down what came of bytes that were given to the nodes.
func (l *lane) sent(ctx context.Context, due []store.Attempt, results []chain.Sent) error {
	moves, wallets := make([]store.AttemptMove, len(due)), make([]int64, len(due))
	n := 0
	for i, a := range due {
		moves[i], wallets[i] = afterSend(a, results[i]), a.WalletID
		if moves[i].From != moves[i].To {
			n++
		}
		l.alarm(a, results[i])
	}
	err := l.update(ctx, wallets, func(tx store.Tx) error {
		if err := tx.MoveAttempts(ctx, moves); err != nil || n == 0 {
			return err
		}
		return record(ctx, tx, l.actor, []store.AuditRow{{
			Action: actionSend, Subject: l.batch(n, "transaction"), Result: store.ResultDone,
		}})
	})
	if err != nil {
		return err
	}
	l.observeMoves(moves, byID(due))
	for _, r := range results {
		l.observer.Sent(l.name, string(r.Verdict))
	}
	return nil
}

// due reads what is to be sent now: of all that is out, only what the decision needs.
func (l *lane) due(ctx context.Context) (due []store.Attempt, err error) {
	err = l.db.View(ctx, func(r store.Reader) error {
		if is, err := paused(ctx, r); err != nil || is {
			return err
		}
		f := l.attempts(open...)
		f.Bare = true
		out, err := r.Attempts(ctx, f)
		if err != nil || len(out) == 0 {
			return err
		}
		now, err := r.Now(ctx)
		if err != nil {
			return err
		}
		gaps, err := lowestGaps(ctx, r, out)
		if err != nil {
			return err
		}
		var ids []int64
		for _, p := range contiguous(places(out), gaps) {
			for _, a := range p.toSend() {
				if l.isDue(a, now) {
					ids = append(ids, a.ID)
				}
			}
		}
		due, err = attemptsOf(ctx, r, ids)
		return err
	})
	return due, storefault.Of(err, "read what is to be sent")
}

// attemptsOf reads attempts whole, in the order of the ids.
func attemptsOf(ctx context.Context, r store.Reader, ids []int64) ([]store.Attempt, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := r.Attempts(ctx, store.AttemptFilter{IDs: ids})
	if err != nil {
		return nil, err
	}
	by := byID(all)
	ordered := make([]store.Attempt, 0, len(ids))
	for _, id := range ids {
		ordered = append(ordered, by[id])
	}
	return ordered, nil
}

// lowestGaps are the lowest gaps of the wallets that the attempts belong to.
func lowestGaps(ctx context.Context, r store.Reader, as []store.Attempt) (map[int64]uint64, error) {
	var ids []int64
	for _, a := range as { // ordered by wallet
		if len(ids) == 0 || ids[len(ids)-1] != a.WalletID {
			ids = append(ids, a.WalletID)
		}
	}
	all, err := r.Gaps(ctx, ids)
	lowest := map[int64]uint64{}
	for id, gaps := range all {
		if len(gaps) > 0 {
			lowest[id] = gaps[0]
		}
	}
	return lowest, err
}

// contiguous are the places that no missing nonce holds up: what stands above a gap a node queues at best, and drops
// without a word at worst (F16). A place where something is only asked for is such a gap.
func contiguous(ps []place, gaps map[int64]uint64) []place {
	var out []place
	for _, p := range ps {
		gap, there := gaps[p.walletID]
		switch {
		case there && p.nonce >= gap:
		case p.unsigned():
			gaps[p.walletID] = p.nonce
		case p.unmined():
			out = append(out, p)
		}
	}
	return out
}

// toSend are the attempts at a place that belong on the nodes: the newest that has bytes, and as long as nodes turn that one
// down, the one before it.
func (p place) toSend() []store.Attempt {
	var out []store.Attempt
	for i := len(p.attempts) - 1; i >= 0; i-- {
		switch a := p.attempts[i]; {
		case a.State == store.AttemptAsked:
		case a.State == store.AttemptSigned && a.Note != "":
			out = append(out, a)
		default:
			return append(out, a)
		}
	}
	return out
}

// againAfter is how long sent bytes are given to get into a block before they are sent again: four looks at the chain.
func (l *lane) againAfter() time.Duration { return max(4*l.setup.Poll, time.Second) }

// isDue says whether an attempt is to be sent now: bytes that were never out at once, what a node turned down after a while,
// what is out and in no block after a longer while; all of it when a daemon begins with the wallet.
func (l *lane) isDue(a store.Attempt, now time.Time) bool {
	switch {
	case l.resent[a.WalletID] != l.leases.epoch(a.WalletID) || a.State == store.AttemptSigned && a.Note == "":
		return true
	case a.State == store.AttemptSigned:
		return over(l.setup.Poll, a.UpdatedAt, now)
	default:
		return over(l.againAfter(), a.SentAt, now)
	}
}

// over says whether so much time has passed since then. A time that is still to come was written before the clock went back: nobody
// may wait for it (F36).
func over(d time.Duration, since, now time.Time) bool {
	age := now.Sub(since)
	return age < 0 || age >= d
}

// afterSend decides what a node's verdict makes of an attempt. Sent means that the bytes may be out, so that from now on the
// chain is asked for them. A clean no leaves it signed: nothing is freed, and it is sent again later.
func afterSend(a store.Attempt, s chain.Sent) store.AttemptMove {
	to, note := store.AttemptSent, ""
	switch s.Verdict {
	case chain.Accepted, chain.Known:
	case chain.NonceTooLow, chain.Unknown:
		note = string(s.Verdict) + ": " + s.Text
	default: // occupied, unfunded, rejected, busy
		to, note = a.State, string(s.Verdict)+": "+s.Text
	}
	m := moveAttempt(a, to)
	m.Note = note
	return m
}

// alarm tells the operator what sending again will not mend by itself. Each is told once, until the note beside it changes.
func (l *lane) alarm(a store.Attempt, s chain.Sent) {
	if a.Note != "" {
		return
	}
	say := map[chain.Verdict]string{
		chain.Occupied: "something else stands at this nonce in a node's pool: who else has the key?",
		chain.Rejected: "a node says that it can never take this transaction",
		chain.Unfunded: "the wallet cannot pay for this transaction: top it up",
	}[s.Verdict]
	if say != "" {
		l.log.Error(say, "wallet", a.Address, "nonce", a.Nonce, "payment", a.Payment, "hash", a.Hash, "node", s.Text)
	}
}
