package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// Change is one change of a withdrawal: of its state, its outcome or its reason. It is as it was then, not as it is now.
type Change struct {
	Cursor    string    `json:"cursor"` // read on after it
	At        time.Time `json:"at"`
	Request   string    `json:"request"` // payment id
	State     string    `json:"state"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason"`
	ChainType string    `json:"chain_type"`
	ChainID   int64     `json:"chain_id"`
	Wallet    string    `json:"wallet"` // empty: it had no nonce
	Nonce     *uint64   `json:"nonce"`
	Hash      string    `json:"hash"` // of the transaction on the chain, else of the newest attempt
	Actor     string    `json:"actor"`
}

// changesAtOnce is how many changes one page has if nobody says.
const changesAtOnce = 1000

// Changes lists what became of withdrawals after a cursor, in an order that never changes: whoever reads on after the last one's
// cursor misses none and gets none twice. "" or "0" is the beginning. At most limit are given (0: 1000); none: there is nothing new
// yet. A cursor that is none is a fault.Usage.
//
// On PostgreSQL a change is given once every transaction of that server which began to write before it has ended.
func (d *Desk) Changes(ctx context.Context, cursor string, limit int) ([]Change, error) {
	if limit <= 0 {
		limit = changesAtOnce
	}
	var events []store.Event
	err := d.db.View(ctx, func(r store.Reader) (err error) {
		events, err = r.Events(ctx, store.EventFilter{
			Subjects: []string{store.SubjectWithdrawal}, Settled: true, After: cursor, Limit: limit,
		})
		return err
	})
	if errors.Is(err, store.ErrBadCursor) {
		return nil, fault.New(fault.Usage, "bad_cursor", "use the cursor of a line that was printed before, or 0 for the beginning",
			"%q is no cursor of this database", clip(cursor))
	}
	if err != nil {
		return nil, storefault.Of(err, "read what became of withdrawals")
	}
	out := make([]Change, len(events))
	for i, e := range events {
		out[i] = Change{
			Cursor: e.Cursor, At: e.At.UTC(), Request: e.Payment, State: e.To, Outcome: e.Outcome, Reason: e.Detail, ChainType: e.ChainType,
			ChainID: e.ChainID, Wallet: e.Address, Nonce: e.Nonce, Hash: e.Hash, Actor: e.Actor,
		}
	}
	return out, nil
}

// followEvery is how often Follow looks when nobody tells it to. Only ends and waits for a person are told of, and only by
// PostgreSQL.
const followEvery = 500 * time.Millisecond

// Follow hands every change after a cursor to handle, in order, and goes on with new ones until ctx ends or handle returns an
// error; that error is returned. When the database is away it goes on by itself once it is back, after the last one handled; away
// is told so once each time, and with nil when it is back.
func (d *Desk) Follow(ctx context.Context, cursor string, handle func(Change) error, away func(error)) error {
	woken := make(chan struct{}, 1)
	if l, ok := d.db.(store.Listener); ok {
		listening, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Listen(listening, store.TopicWithdrawals, func() {
				select {
				case woken <- struct{}{}:
				default: // it is woken already
				}
			})
		}()
		defer func() { stop(); <-ended }()
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	silent := false
	for {
		page, err := d.Changes(ctx, cursor, changesAtOnce)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, fault.Unreachable):
			return err
		case (err != nil) != silent:
			silent = err != nil
			away(err)
		}
		for _, c := range page {
			if err := handle(c); err != nil {
				return err
			}
			cursor = c.Cursor
		}
		if len(page) == changesAtOnce {
			continue
		}
		select {
		case <-woken:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("follow withdrawals: %w", ctx.Err())
		}
	}
}
