package withdrawal

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// Requeue lets a payment in review be paid again, at another nonce. It is refused unless the signing machine says that nothing is
// signed for the payment, or that a person released it there (`coffer-signer release`), and unless whatever has its nonce is final on
// all nodes: else it could be paid twice. Said again, while it is queued, it changes nothing, and already is true.
func (d *Desk) Requeue(ctx context.Context, payment, reason string) (w Withdrawal, already bool, err error) {
	ledger, err := ledgerID(ctx, d.db)
	if err != nil {
		return w, false, err
	}
	// Asked before the transaction: a release is never taken back, and what is signed in between is bound to an attempt that the
	// transaction finds under way.
	bound, err := d.signer.Released(ctx, ledger, payment)
	if err != nil {
		return w, false, err
	}
	return d.operate(ctx, payment, actionRequeue, reason, func(ctx context.Context, tx store.Tx, w store.Withdrawal, _ string) (bool, error) {
		return requeue(ctx, tx, w, bound)
	})
}

func requeue(ctx context.Context, tx store.Tx, w store.Withdrawal, bound signing.PaymentState) (already bool, err error) {
	switch {
	case w.State == store.WithdrawalQueued:
		return true, nil
	case w.State == store.WithdrawalEnded:
		return false, hasEnded(w)
	case w.State != store.WithdrawalNeedsReview:
		return false, fault.New(fault.Refused, "not_in_review", "coffer explain "+w.Payment, "withdrawal %s is not in review: it is %s", w.Payment, w.State)
	case bound.Cancelled:
		return false, fault.New(fault.Refused, "cancelled", "coffer tx cancel "+w.Payment,
			"withdrawal %s has a signed cancellation: it can be given up, and not be paid again", w.Payment)
	case bound.Bound && !bound.Released:
		return false, fault.New(fault.Refused, "not_released", "at the signing machine: coffer-signer release "+w.Payment+" --reason TEXT",
			"withdrawal %s is signed at nonce %d of %s, and the signing machine holds no release of it", w.Payment, bound.Nonce, bound.Address)
	}
	final, err := tx.Attempts(ctx, store.AttemptFilter{Payments: []string{w.Payment}, States: []string{store.AttemptFinal}})
	if err != nil {
		return false, err
	}
	if len(final) > 0 {
		err = letGo(ctx, tx, w, final, "it paid nobody, and was released: "+w.Reason)
	} else {
		err = settleForeign(ctx, tx, w)
	}
	if err != nil {
		return false, err
	}
	return false, tx.MoveWithdrawals(ctx, []store.WithdrawalMove{
		moveWithdrawal(w.Payment, w.State, store.WithdrawalQueued, "", "to be paid again after review"),
	})
}

// noReleases is what answers where no signing machine is configured.
type noReleases struct{}

var errNoMachine = fault.Wrap(errors.New("no signing machine is configured"), fault.Unreachable, "no_machine", "set signer in coffer.toml", "ask for a release")

func (noReleases) Released(context.Context, string, string) (signing.PaymentState, error) {
	return signing.PaymentState{}, errNoMachine
}
