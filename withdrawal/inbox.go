package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// ErrNoInbox: the database takes no withdrawals in by SQL.
var ErrNoInbox = errors.New("the database has no inbox")

// collectAtOnce is how many rows of the inbox one transaction takes.
const collectAtOnce = 256

// The actions of the inbox in audit rows.
const (
	actionInboxAccept = "inbox.accept"
	actionInboxRefuse = "inbox.refuse"
)

// Collected is what a Collect did.
type Collected struct{ Accepted, Refused int }

// Collect takes in what programs put into the database's inbox by SQL, oldest first, up to a page: each is accepted as Submit would
// have accepted it, or refused with the reason. That is one transaction, so a row is decided once and never lost, whoever dies;
// several processes may collect at once, each its own rows. The service key signs nothing here: what is in the inbox brings its own
// authorizations. ErrNoInbox if the database has none.
func (d *Desk) Collect(ctx context.Context) (Collected, error) {
	var done Collected
	collect := func() error {
		return d.db.Update(ctx, func(tx store.Tx) (err error) {
			if _, ok := tx.(store.Inbox); !ok {
				return ErrNoInbox
			}
			m, err := tx.Restored(ctx)
			if done = (Collected{}); err != nil || m.Paused && !m.Examined {
				return err // what a backup brought is CollectHeld's
			}
			done, _, err = d.collect(ctx, tx)
			return err
		})
	}
	if err := d.halted(ctx); err != nil {
		return Collected{}, err
	}
	err := collect()
	for again := 1; errors.Is(err, store.ErrExists) && again < store.MaxTries; again++ {
		err = collect() // somebody submitted one of them in between: now it is found
	}
	if err != nil {
		return Collected{}, storefault.Of(err, "take in what is in the inbox")
	}
	if done.Accepted > 0 {
		d.wake()
	}
	return done, nil
}

// collect takes a page, and gives the ids of what is accepted.
func (d *Desk) collect(ctx context.Context, tx store.Tx) (done Collected, taken []string, err error) {
	box, ok := tx.(store.Inbox)
	if !ok {
		return done, nil, ErrNoInbox
	}
	rows, err := box.TakeInbox(ctx, collectAtOnce)
	if err != nil || len(rows) == 0 {
		return done, nil, err
	}
	refusals := make([]error, len(rows))
	var orders []order
	var places []int // of the orders, in rows
	for i, row := range rows {
		o, err := d.order(ctx, Request{
			ID: row.Request, ChainID: row.ChainID, To: row.To, Amount: row.Amount, Asset: row.Asset, Authorizations: row.Tokens,
		})
		if err != nil {
			refusals[i] = err
			continue
		}
		orders, places = append(orders, o), append(places, i)
	}
	outcomes, err := d.decide(ctx, tx, orders)
	if err != nil {
		return done, nil, err
	}
	for k, out := range outcomes {
		refusals[places[k]] = out.Err
	}
	decided := make([]store.InboxDecision, len(rows))
	audit := make([]store.AuditRow, len(rows))
	for i, row := range rows {
		decided[i].Seq = row.Seq
		audit[i] = store.AuditRow{
			Action: actionInboxAccept, Subject: row.Request, After: fmt.Sprintf("submitted by %s at %s", row.By, row.At.UTC().Format(time.RFC3339Nano)),
			Result: store.ResultDone,
		}
		if refusals[i] == nil {
			done.Accepted++
			taken = append(taken, row.Request)
			continue
		}
		done.Refused++
		decided[i].Refusal = reasonOf(refusals[i])
		audit[i].Action, audit[i].Result, audit[i].Reason = actionInboxRefuse, store.ResultRefused, decided[i].Refusal
	}
	if err := box.DecideInbox(ctx, decided); err != nil {
		return done, nil, err
	}
	return done, taken, record(ctx, tx, d.actor, audit)
}

// collectEvery is how often the inbox is looked at, should a notification be lost.
const collectEvery = time.Second

// CollectAll collects until ctx ends: at once when somebody put something in. A database without an inbox ends it at once. When the
// database is away it goes on by itself.
func (d *Desk) CollectAll(ctx context.Context, log *slog.Logger) {
	if _, err := d.Collect(ctx); errors.Is(err, ErrNoInbox) {
		return
	}
	woken := make(chan struct{}, 1)
	if l, ok := d.db.(store.Listener); ok {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Listen(ctx, store.TopicInbox, func() {
				select {
				case woken <- struct{}{}:
				default: // it is woken already
				}
			})
		}()
		defer func() { <-ended }() // ctx has ended then
	}
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	troubles := trouble{log: log.With("step", "inbox"), now: time.Now}
	for {
		done, err := d.Collect(ctx)
		if ctx.Err() != nil {
			return
		}
		troubles.tell(err)
		if done.Refused > 0 {
			log.Warn("withdrawals in the inbox are refused; the view coffer_inbox says why", "refused", done.Refused)
		}
		if err == nil && done.Accepted+done.Refused == collectAtOnce {
			continue // there may be more already
		}
		select {
		case <-woken:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
