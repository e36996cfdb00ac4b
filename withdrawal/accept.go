package withdrawal

import (
	"context"
	"errors"
	"slices"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// acceptWithin ends a commit whose database does not answer; nobody's own context may, because others are in it.
const acceptWithin = 2 * time.Minute

// The actions of this package in audit rows.
const (
	actionAccept    = "withdrawal.accept"
	actionAuthorize = "withdrawal.authorize"
	actionEnd       = "withdrawal.end"
	actionReview    = "withdrawal.review"
	actionQueue     = "withdrawal.queue"
	actionAsk       = "attempt.ask"
	actionSign      = "attempt.sign"
	actionSend      = "attempt.send"
	actionTrack     = "attempt.track"
)

// accept serves a batch of orders in one transaction. Each is accepted, found, or refused by itself.
func (d *Desk) accept(orders []order) []groupcommit.Outcome[receipt] {
	ctx, cancel := context.WithTimeout(context.Background(), acceptWithin)
	defer cancel()
	var out []groupcommit.Outcome[receipt]
	update := func() error {
		return d.db.Update(ctx, func(tx store.Tx) (err error) {
			out, err = d.decide(ctx, tx, orders)
			return err
		})
	}
	err := update()
	for again := 1; errors.Is(err, store.ErrExists) && again < store.MaxTries; again++ {
		err = update() // another process accepted one of them in between: now it is found
	}
	if errors.Is(err, store.ErrOutcomeUnknown) {
		return d.readBack(ctx, orders, storefault.Of(err, "accept withdrawals"))
	}
	if err != nil {
		return allFailed(orders, storefault.Of(err, "accept withdrawals"))
	}
	d.wake()
	return out
}

// decide compares the orders with what is there, writes the new ones, and reads all of them back as they stand.
func (d *Desk) decide(ctx context.Context, tx store.Tx, orders []order) ([]groupcommit.Outcome[receipt], error) {
	known, err := contents(ctx, tx, orders)
	if err != nil {
		return nil, err
	}
	own, err := ownWallets(ctx, tx, recipients(orders))
	if err != nil {
		return nil, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return nil, err
	}
	var again []order // accepted before
	out := make([]groupcommit.Outcome[receipt], len(orders))
	var fresh []store.NewWithdrawal
	var audit []store.AuditRow
	for i, o := range orders {
		content := o.content()
		was, there := known[o.payment]
		switch {
		case !there && own[o.recipient()]:
			out[i].Err = toOwnWallet(o)
			audit = append(audit, store.AuditRow{Action: actionAccept, Subject: o.payment, After: content, Result: store.ResultRefused, Reason: reasonOwn})
		case !there && o.lapsedAuthorization(now) != nil:
			out[i].Err = o.lapsedAuthorization(now)
			audit = append(audit, store.AuditRow{
				Action: actionAccept, Subject: o.payment, After: content, Result: store.ResultRefused, Reason: out[i].Err.Error(),
			})
		case !there:
			known[o.payment] = store.Request{ID: o.payment, Kind: store.KindWithdrawal, Content: content}
			fresh = append(fresh, store.NewWithdrawal{
				Payment: o.payment, Content: content, ChainType: o.chain.Type, ChainID: o.chain.ID, To: o.to,
				Asset: o.symbol(), Contract: o.asset.Contract, Amount: o.amount.String(), Authorized: o.with,
			})
			audit = append(audit, store.AuditRow{Action: actionAccept, Subject: o.payment, After: content, Result: store.ResultDone, Reason: o.authorizedBy()})
		case was.Kind == store.KindWithdrawal && was.Content == content:
			out[i].Value.already = true
			again = append(again, o)
		default:
			out[i].Err = differs(was, content)
			audit = append(audit, store.AuditRow{
				Action: actionAccept, Subject: o.payment, Before: was.Content, After: content, Result: store.ResultRefused, Reason: out[i].Err.Error(),
			})
		}
	}
	if len(fresh) > 0 {
		if err := tx.AddWithdrawals(ctx, fresh); err != nil {
			return nil, err
		}
	}
	resumed, err := resume(ctx, tx, paymentsOf(again))
	if err != nil {
		return nil, err
	}
	renewed, err := renew(ctx, tx, again, now)
	if err != nil {
		return nil, err
	}
	if err := record(ctx, tx, d.actor, slices.Concat(audit, resumed, renewed)); err != nil {
		return nil, err
	}
	return out, d.fill(ctx, tx, orders, out)
}

func paymentsOf(orders []order) []string {
	ids := make([]string, len(orders))
	for i, o := range orders {
		ids[i] = o.payment
	}
	return ids
}

func recipients(orders []order) []recipient {
	all := make([]recipient, len(orders))
	for i, o := range orders {
		all[i] = o.recipient()
	}
	return all
}

// contents are the request ids of the orders that exist.
func contents(ctx context.Context, r store.Reader, orders []order) (map[string]store.Request, error) {
	found, err := r.Requests(ctx, paymentsOf(orders))
	known := make(map[string]store.Request, len(orders))
	for _, q := range found {
		known[q.ID] = q
	}
	return known, err
}

// fill puts the rows as they stand into the answers that are no refusals.
func (d *Desk) fill(ctx context.Context, r store.Reader, orders []order, out []groupcommit.Outcome[receipt]) error {
	var payments []string
	for i, o := range orders {
		if out[i].Err == nil {
			payments = append(payments, o.payment)
		}
	}
	if len(payments) == 0 {
		return nil
	}
	rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: payments})
	if err != nil {
		return err
	}
	byID := make(map[string]store.Withdrawal, len(rows))
	for _, row := range rows {
		byID[row.Payment] = row
	}
	m, err := r.Restored(ctx)
	for i, o := range orders {
		if out[i].Err == nil {
			out[i].Value.withdrawal = d.book.show(byID[o.payment]).pausedBy(m)
		}
	}
	return err
}

// readBack finds out what became of a batch whose commit got no answer. What is there is accepted. To the rest nothing can be
// promised: not being there yet is no proof, for the database may still be at it.
func (d *Desk) readBack(ctx context.Context, orders []order, unknown error) []groupcommit.Outcome[receipt] {
	out := allFailed(orders, unknown)
	err := d.db.View(ctx, func(r store.Reader) error {
		known, err := contents(ctx, r, orders)
		if err != nil {
			return err
		}
		for i, o := range orders {
			if was, there := known[o.payment]; there && was.Kind == store.KindWithdrawal && was.Content == o.content() {
				out[i] = groupcommit.Outcome[receipt]{}
			} else if there {
				out[i].Err = differs(was, o.content())
			}
		}
		return d.fill(ctx, r, orders, out)
	})
	if err != nil {
		return allFailed(orders, errors.Join(unknown, err))
	}
	d.wake()
	return out
}

func allFailed(orders []order, err error) []groupcommit.Outcome[receipt] {
	out := make([]groupcommit.Outcome[receipt], len(orders))
	for i := range out {
		out[i].Err = err
	}
	return out
}

func differs(was store.Request, content string) error {
	return fault.New(fault.Refused, "request_differs", "use a new request id for a new payment",
		"request %s is a %s already: %q; asked for now: %q", was.ID, was.Kind, was.Content, content)
}

// record writes audit rows in the name of actor.
func record(ctx context.Context, tx store.Tx, actor string, rows []store.AuditRow) error {
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		rows[i].Actor = actor
	}
	return tx.Record(ctx, rows)
}
