package main

import (
	"context"
	"fmt"

	"coffer.internal/internal/store"
)

// shakyDB is a database as one daemon, or one customer, has it: it can be gone at any call, and the process can die there.
type shakyDB struct {
	store.DB
	user *user
}

func (d *shakyDB) View(ctx context.Context, fn func(store.Reader) error) error {
	if d.user.strikes(storeRead) {
		return fmt.Errorf("%w: the connection broke", store.ErrUnreachable)
	}
	return d.DB.View(ctx, fn)
}

func (d *shakyDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	u := d.user
	u.before("commit")
	if u.strikes(storeGone) {
		return fmt.Errorf("%w: the connection broke", store.ErrUnreachable)
	}
	moves := &watchedTx{}
	watched := func(tx store.Tx) error {
		moves.Tx, moves.lines = tx, nil
		return fn(moves)
	}
	switch {
	case u.strikes(storeRollback):
		return d.rollBack(ctx, watched, store.ErrUnreachable)
	case u.strikes(storeUnknown):
		return d.rollBack(ctx, watched, store.ErrOutcomeUnknown)
	}
	if err := d.DB.Update(ctx, watched); err != nil {
		return err
	}
	for _, line := range moves.lines {
		u.say("%s", line)
	}
	u.town.wrote(moves.reviews)
	u.after("commit")
	if u.strikes(storeAnswer) {
		return fmt.Errorf("%w: the connection broke", store.ErrOutcomeUnknown)
	}
	return nil
}

// rollBack does everything but commit.
func (d *shakyDB) rollBack(ctx context.Context, fn func(store.Tx) error, says error) error {
	lost := fmt.Errorf("%w: the connection broke", says)
	err := d.DB.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return lost
	})
	return err
}

// watchedTx notes what moves, for the trace.
type watchedTx struct {
	store.Tx
	lines   []string
	reviews []string
}

func (t *watchedTx) MoveWithdrawals(ctx context.Context, moves []store.WithdrawalMove) error {
	err := t.Tx.MoveWithdrawals(ctx, moves)
	for _, m := range moves {
		if m.From != m.To {
			t.lines = append(t.lines, fmt.Sprintf("%s: %s → %s %s %s", m.Payment, m.From, m.To, m.Outcome, m.Reason))
		}
		if m.To == store.WithdrawalNeedsReview {
			t.reviews = append(t.reviews, m.Payment)
		}
	}
	return err
}

func (t *watchedTx) MoveAttempts(ctx context.Context, moves []store.AttemptMove) error {
	err := t.Tx.MoveAttempts(ctx, moves)
	for _, m := range moves {
		if m.From != m.To || m.Note != "" {
			t.lines = append(t.lines, fmt.Sprintf("attempt %d: %s → %s %s", m.ID, m.From, m.To, m.Note))
		}
	}
	return err
}

func (t *watchedTx) Ask(ctx context.Context, asks []store.Ask) ([]int64, error) {
	ids, err := t.Tx.Ask(ctx, asks)
	for i, id := range ids {
		a := asks[i]
		t.lines = append(t.lines, fmt.Sprintf("attempt %d: asked for %s %q at wallet %d nonce %d", id, a.Purpose, a.Payment, a.WalletID, a.Nonce))
	}
	return ids, err
}
