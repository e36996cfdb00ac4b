package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// The actions of wishes in audit rows.
const (
	actionBump    = "withdrawal.bump"
	actionCancel  = "withdrawal.cancel"
	actionRequeue = "withdrawal.requeue"
)

// Cancel gives a payment up. One that was not asked for at the signing machine ends at once. For one that was, a transfer of
// nothing takes its nonce: whichever of the two is mined decides, and the payment ends as cancelled or as paid when that is final; the
// daemon sees to it. One in review ends when the foreign transaction that has its nonce is final on all nodes.
//
// Said again it changes nothing, and already is true. A payment that has ended otherwise, or cannot be cancelled now, is a
// fault.Refused that says why.
func (d *Desk) Cancel(ctx context.Context, payment, reason string) (w Withdrawal, already bool, err error) {
	return d.operate(ctx, payment, actionCancel, reason, d.cancel)
}

// Bump raises the fees of a payment under way now, instead of when it is called stuck; the daemon sees to it. Said again before
// that, it changes nothing, and already is true. What is not asked for yet, in a block, or ended is a fault.Refused.
func (d *Desk) Bump(ctx context.Context, payment, reason string) (w Withdrawal, already bool, err error) {
	return d.operate(ctx, payment, actionBump, reason, d.bump)
}

// operation does something to a payment, and says whether it was done before.
type operation func(ctx context.Context, tx store.Tx, w store.Withdrawal, reason string) (already bool, err error)

// operate runs an operation on a payment in one transaction with its record; a refusal is recorded too.
func (d *Desk) operate(ctx context.Context, payment, action, reason string, do operation) (w Withdrawal, already bool, err error) {
	if len(reason) > maxReason {
		return w, false, fault.New(fault.Usage, "long_reason", "say it shorter", "the reason has %d bytes; at most %d", len(reason), maxReason)
	}
	row := store.AuditRow{Action: action, Subject: payment, Result: store.ResultDone, Reason: reason}
	update := func() error {
		return d.admin.Update(ctx, func(tx store.Tx) error {
			was, err := find(ctx, tx, payment)
			if err != nil {
				return err
			}
			if already, err = do(ctx, tx, was, reason); err != nil {
				return err
			}
			if w, err = d.get(ctx, tx, payment); err != nil || already {
				return err
			}
			row.Before, row.After = was.State, w.State
			return record(ctx, tx, d.actor, []store.AuditRow{row})
		})
	}
	err = update()
	for again := 1; errors.Is(err, store.ErrStale) && again < store.MaxTries; again++ {
		err = update() // it moved on meanwhile: decide anew
	}
	if errors.Is(err, fault.Refused) {
		row.Result, row.Reason = store.ResultRefused, err.Error()
		err = errors.Join(err, d.admin.Update(ctx, func(tx store.Tx) error { return record(ctx, tx, d.actor, []store.AuditRow{row}) }))
	}
	if err == nil {
		d.wake()
	}
	return w, already, storefault.Of(err, action+" "+clip(payment))
}

// unasked says that nothing was asked for at the signing machine that may still come to something.
func unasked(w store.Withdrawal) bool {
	return w.Attempt == "" || w.Attempt == store.AttemptRefused || w.Attempt == store.AttemptSuperseded
}

// hasEnded refuses to do anything to a payment that has.
func hasEnded(w store.Withdrawal) error {
	return fault.New(fault.Refused, "has_ended", "coffer tx show "+w.Payment, "withdrawal %s has ended: %s", w.Payment, w.Outcome)
}

func (d *Desk) bump(ctx context.Context, tx store.Tx, w store.Withdrawal, reason string) (bool, error) {
	switch {
	case w.State == store.WithdrawalEnded:
		return false, hasEnded(w)
	case w.State != store.WithdrawalAssigned || unasked(w):
		return false, fault.New(fault.Refused, "not_under_way", "coffer explain "+w.Payment, "withdrawal %s is not under way: it is %s", w.Payment, w.State)
	}
	as, err := tx.Attempts(ctx, store.AttemptFilter{Payments: []string{w.Payment}, States: []string{store.AttemptMined, store.AttemptFinal}})
	if err != nil {
		return false, err
	}
	if len(as) > 0 {
		return false, fault.New(fault.Refused, "in_a_block", "coffer tx show "+w.Payment, "withdrawal %s is in block %d already", w.Payment, as[0].BlockNumber)
	}
	return d.wish(ctx, tx, w, store.WishBump, reason)
}

func (d *Desk) wish(ctx context.Context, tx store.Tx, w store.Withdrawal, kind, reason string) (already bool, err error) {
	have, err := tx.Wishes(ctx, store.WishFilter{Open: true, Payments: []string{w.Payment}})
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(have, func(x store.Wish) bool { return x.Kind == kind }) {
		return true, nil
	}
	_, err = tx.AddWish(ctx, store.Wish{Payment: w.Payment, Kind: kind, Actor: d.actor, Reason: reason})
	return false, err
}

func (d *Desk) cancel(ctx context.Context, tx store.Tx, w store.Withdrawal, reason string) (bool, error) {
	switch {
	case w.Outcome == store.OutcomeCancelled:
		return true, nil
	case w.State == store.WithdrawalEnded:
		return false, hasEnded(w)
	case w.State == store.WithdrawalHeld:
		return false, isHeld(w)
	case w.State == store.WithdrawalNeedsReview:
		return false, d.cancelReviewed(ctx, tx, w, reason)
	case w.State == store.WithdrawalQueued || w.State == store.WithdrawalAssigned && unasked(w):
		return false, cancelUnasked(ctx, tx, w, reasonCancelled(reason))
	}
	return d.wish(ctx, tx, w, store.WishCancel, reason)
}

func reasonCancelled(reason string) string {
	if reason == "" {
		return "cancelled before anything was signed"
	}
	return "cancelled before anything was signed: " + reason
}

// cancelUnasked ends a payment for which nothing was asked. Its nonce, if it has one, is free again: the next payment takes it, or a
// gap fill (F19).
func cancelUnasked(ctx context.Context, tx store.Tx, w store.Withdrawal, reason string) error {
	if w.State == store.WithdrawalAssigned && w.Nonce != nil && !w.Expired {
		if err := tx.Release(ctx, w.WalletID, *w.Nonce, w.Fence); err != nil {
			return err
		}
	}
	return tx.MoveWithdrawals(ctx, []store.WithdrawalMove{
		moveWithdrawal(w.Payment, w.State, store.WithdrawalEnded, store.OutcomeCancelled, reason),
	})
}

// cancelReviewed gives up a payment whose nonce was spent, finally, by something else: nothing of it can be mined any more.
func (d *Desk) cancelReviewed(ctx context.Context, tx store.Tx, w store.Withdrawal, reason string) error {
	gone, err := foreign(ctx, tx, w)
	if err != nil {
		return err
	}
	if !gone && w.Attempt != store.AttemptSent && w.Attempt != store.AttemptSigned {
		return fault.New(fault.Refused, "cannot_be_given_up", "coffer explain "+w.Payment,
			"withdrawal %s is in review for another reason than a foreign transaction: %s", w.Payment, w.Reason)
	}
	if err := settleForeign(ctx, tx, w); err != nil {
		return err
	}
	if reason == "" {
		reason = "something else spent its nonce"
	}
	return tx.MoveWithdrawals(ctx, []store.WithdrawalMove{
		moveWithdrawal(w.Payment, w.State, store.WithdrawalEnded, store.OutcomeCancelled, "given up after review: "+reason),
	})
}

// settleForeign ends what a payment in review still has under way: refused unless the ledger holds that the nonce of each was spent, finally,
// by something else. Then its nonce lets the payment go.
func settleForeign(ctx context.Context, tx store.Tx, w store.Withdrawal) error {
	as, err := tx.Attempts(ctx, store.AttemptFilter{Payments: []string{w.Payment}, States: open})
	if err != nil {
		return err
	}
	for _, a := range as {
		spent, err := external(ctx, tx, a.WalletID, a.Nonce)
		if err != nil {
			return err
		}
		if !spent {
			return fault.New(fault.Refused, "not_final", fmt.Sprintf("wait; `coffer explain %s` says for what", w.Payment),
				"nonce %d of %s may still become this payment's: what spent it is not final on all nodes", a.Nonce, a.Address)
		}
	}
	return letGo(ctx, tx, w, as, "something that is not coffer's spent the nonce")
}

// letGo supersedes attempts of a payment and takes it off its nonce.
func letGo(ctx context.Context, tx store.Tx, w store.Withdrawal, as []store.Attempt, why string) error {
	moves := make([]store.AttemptMove, len(as))
	for i, a := range as {
		moves[i] = moveAttempt(a, store.AttemptSuperseded)
		moves[i].Note = why
	}
	if len(moves) > 0 {
		if err := tx.MoveAttempts(ctx, moves); err != nil {
			return err
		}
	}
	if w.Nonce == nil {
		return nil
	}
	return tx.LetGo(ctx, w.WalletID, *w.Nonce)
}

// foreign says whether the nonce of a payment was spent, finally, by something else.
func foreign(ctx context.Context, r store.Reader, w store.Withdrawal) (bool, error) {
	if w.Nonce == nil {
		return false, nil
	}
	return external(ctx, r, w.WalletID, *w.Nonce)
}

// external says whether a nonce lies in a range that something else has spent.
func external(ctx context.Context, r store.Reader, walletID int64, nonce uint64) (bool, error) {
	ranges, err := r.Externals(ctx, walletID)
	return covered(ranges, nonce), err
}

// covered says whether a nonce lies in one of the ranges.
func covered(ranges []store.External, nonce uint64) bool {
	return slices.ContainsFunc(ranges, func(e store.External) bool { return e.From <= nonce && nonce <= e.To })
}

// endWishes ends what was wished for payments that have ended.
func endWishes(ctx context.Context, tx store.Tx, ends []store.WithdrawalMove) error {
	results := map[string]string{}
	var payments []string
	for _, m := range ends {
		if m.To == store.WithdrawalEnded {
			results[m.Payment] = "the payment ended: " + m.Outcome
			payments = append(payments, m.Payment)
		}
	}
	if len(payments) == 0 {
		return nil
	}
	wishes, err := tx.Wishes(ctx, store.WishFilter{Open: true, Payments: payments})
	if err != nil {
		return err
	}
	for _, w := range wishes {
		if err := tx.EndWishes(ctx, []int64{w.ID}, results[w.Payment]); err != nil {
			return err
		}
	}
	return nil
}

// endWishes ends wishes that came to nothing.
func (l *lane) endWishes(ctx context.Context, ended map[int64]string) error {
	for _, id := range slices.Sorted(maps.Keys(ended)) {
		err := l.db.Update(ctx, func(tx store.Tx) error { return tx.EndWishes(ctx, []int64{id}, ended[id]) })
		if err != nil && !errors.Is(err, store.ErrStale) {
			return storefault.Of(err, "end a wish")
		}
	}
	return nil
}

// cancelUnasked carries out wishes about payments that have nothing under way (any more): the signing machine refused them, or
// they were bound again. A bump of such a payment has nothing to raise.
func (l *lane) cancelUnasked(ctx context.Context, m mending) error {
	for _, w := range m.wishes {
		row, there := m.unasked[w.Payment]
		if !there || row.State != store.WithdrawalQueued && row.State != store.WithdrawalAssigned {
			continue
		}
		err := l.db.Update(ctx, func(tx store.Tx) error {
			if w.Kind == store.WishBump {
				return tx.EndWishes(ctx, []int64{w.ID}, "nothing of it is under way")
			}
			if err := cancelUnasked(ctx, tx, row, reasonCancelled(w.Reason)); err != nil {
				return err
			}
			if err := tx.EndWishes(ctx, []int64{w.ID}, "done: nothing was signed"); err != nil {
				return err
			}
			return record(ctx, tx, l.actor, []store.AuditRow{{
				Action: actionCancel, Subject: w.Payment, Before: row.State, After: store.OutcomeCancelled, Result: store.ResultDone, Reason: "wished by " + w.Actor,
			}})
		})
		if err != nil && !errors.Is(err, store.ErrStale) {
			return storefault.Of(err, "cancel withdrawal "+w.Payment)
		}
	}
	return nil
}
