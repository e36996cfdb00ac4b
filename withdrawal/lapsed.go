package withdrawal

import (
	"context"
	"errors"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// hint of every payment that waits for another authorization.
const reasonAuthorizeAgain = ": submit it again with a new one"

// lapsed says when the authorization of a payment expired, if it did.
func lapsed(w store.Withdrawal, now time.Time) (reason string, is bool) {
	if w.AuthorizedUntil.IsZero() || w.AuthorizedUntil.After(now) {
		return "", false
	}
	return "its authorization expired at " + stamp(w.AuthorizedUntil) + reasonAuthorizeAgain, true
}

// unauthorized says why a payment that is not asked for may not be asked for now; nothing: it may.
func unauthorized(w store.Withdrawal, now time.Time) string {
	if reason, is := lapsed(w, now); is {
		return reason
	}
	return w.Unauthorized
}

// lapse queues payments whose authorization expired before they were asked for, with that as what they wait for. Nothing else is in
// their way, and nothing is asked for them until they have another one.
func (l *lane) lapse(ctx context.Context, rows []store.Withdrawal) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]string, len(rows))
	for i, w := range rows {
		ids[i] = w.Payment
	}
	err := l.db.Update(ctx, func(tx store.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		still, err := tx.Withdrawals(ctx, store.WithdrawalFilter{Payments: ids, Unasked: true, Lapsed: true})
		if err != nil {
			return err
		}
		tokens, err := tx.Authorizations(ctx, ids)
		if err != nil {
			return err
		}
		var moves []store.WithdrawalMove
		for _, w := range still {
			if reason, is := lapsed(w, now); is && !standing(w) {
				m := moveWithdrawal(w.Payment, w.State, store.WithdrawalQueued, "", reason)
				m.Unauthorized, m.Against = reason, tokens[w.Payment]
				moves = append(moves, m)
			}
		}
		if len(moves) == 0 {
			return nil
		}
		return tx.MoveWithdrawals(ctx, moves)
	})
	if errors.Is(err, store.ErrStale) {
		return nil // somebody else moved one: all are looked at again
	}
	return storefault.Of(err, "note which authorizations expired")
}
