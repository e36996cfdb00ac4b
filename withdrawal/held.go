package withdrawal

import (
	"context"
	"fmt"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// The actions of a restored ledger's payments in audit rows.
const (
	actionHold   = "withdrawal.hold"
	actionResume = "withdrawal.resume"
	actionClose  = "withdrawal.close"
)

// holdAtOnce is how many payments are read and moved at a time.
const holdAtOnce = 1000

// Hold holds every payment that waits and for which nothing is asked, because the ledger was just restored from a backup of that time: what
// is queued in it may have been cancelled since, and nobody but its caller knows that. It gives the payments' ids.
func Hold(ctx context.Context, tx store.Tx, takenAt time.Time, actor string) (held []string, err error) {
	return holdThese(ctx, tx, nil, takenAt, actor)
}

// holdThese is Hold for some payments; nil: for all.
func holdThese(ctx context.Context, tx store.Tx, payments []string, takenAt time.Time, actor string) (held []string, err error) {
	reason := "it was there when the ledger was restored from a backup of " + takenAt.UTC().Format(time.RFC3339) + ", and may have been cancelled since: submit it again"
	f := store.WithdrawalFilter{States: []string{store.WithdrawalQueued, store.WithdrawalAssigned}, Unasked: true, Payments: payments, Limit: holdAtOnce}
	for {
		rows, err := tx.Withdrawals(ctx, f)
		if err != nil || len(rows) == 0 {
			return held, err
		}
		moves := make([]store.WithdrawalMove, len(rows))
		audit := make([]store.AuditRow, len(rows))
		for i, w := range rows {
			moves[i] = moveWithdrawal(w.Payment, w.State, store.WithdrawalHeld, "", reason)
			audit[i] = store.AuditRow{Action: actionHold, Subject: w.Payment, Before: w.State, After: store.WithdrawalHeld, Result: store.ResultDone, Reason: reason}
			held = append(held, w.Payment)
		}
		if err := tx.MoveWithdrawals(ctx, moves); err != nil {
			return held, err
		}
		if err := record(ctx, tx, actor, audit); err != nil {
			return held, err
		}
		f.AfterSeq = rows[len(rows)-1].Seq
	}
}

// resume queues payments that are held: their callers have submitted them again.
func resume(ctx context.Context, tx store.Tx, payments []string) (audit []store.AuditRow, err error) {
	if len(payments) == 0 {
		return nil, nil
	}
	resumed, err := tx.ResumeHeld(ctx, payments)
	for _, id := range resumed {
		mustFollow(withdrawalEdges, "withdrawal", store.WithdrawalHeld, store.WithdrawalQueued)
		audit = append(audit, store.AuditRow{
			Action: actionResume, Subject: id, Before: store.WithdrawalHeld, After: store.WithdrawalQueued, Result: store.ResultDone, Reason: "submitted again",
		})
	}
	return audit, err
}

// EndHeld ends a payment that is held after a restore, because a person knows that its caller wants it no more: it ends as cancelled, and
// its id stays bound. Said again it changes nothing, and already is true. One that is not held is a fault.Refused.
func (d *Desk) EndHeld(ctx context.Context, payment, reason string) (w Withdrawal, already bool, err error) {
	return d.operate(ctx, payment, actionClose, reason, func(ctx context.Context, tx store.Tx, w store.Withdrawal, reason string) (bool, error) {
		switch {
		case w.Outcome == store.OutcomeCancelled:
			return true, nil
		case w.State == store.WithdrawalEnded:
			return false, hasEnded(w)
		case w.State != store.WithdrawalHeld:
			return false, fault.New(fault.Refused, "not_held", "coffer explain "+w.Payment, "withdrawal %s is not held: it is %s", w.Payment, w.State)
		}
		return false, tx.MoveWithdrawals(ctx, []store.WithdrawalMove{
			moveWithdrawal(w.Payment, w.State, store.WithdrawalEnded, store.OutcomeCancelled, "closed after a restore: "+reason),
		})
	})
}

// RaiseNoncesUnknown opens the alarm that keeps a wallet from giving nonces whose key signs elsewhere, because the ledger was restored.
func RaiseNoncesUnknown(ctx context.Context, tx store.Tx, w store.Wallet, takenAt time.Time, actor string) error {
	f := guardFacts{chainType: w.ChainType, chainID: w.ChainID}
	a := f.alarm(AlarmNoncesUnknown, &w, "", "", "its key signs elsewhere, and the ledger was restored from a backup of %s: nonces from %d on may have been given since",
		takenAt.UTC().Format(time.RFC3339), w.Nonce)
	open, err := tx.Alarms(ctx, store.AlarmFilter{Open: true, Keys: []string{a.Key}})
	if err != nil || len(open) > 0 {
		return err
	}
	if err := tx.RaiseAlarms(ctx, []store.Alarm{a}); err != nil {
		return err
	}
	return record(ctx, tx, actor, []store.AuditRow{AlarmRaised(actor, a)})
}

// isHeld refuses what is done otherwise with a payment that is held.
func isHeld(w store.Withdrawal) error {
	return fault.New(fault.Refused, "held", fmt.Sprintf("coffer tx close %s --reason TEXT ends it; submitted again, it is paid", w.Payment),
		"withdrawal %s is held since the ledger was restored", w.Payment)
}

// CollectHeld takes in all that is in the database's inbox, as Collect does, and holds it. It is for a ledger that was just restored: what
// was in the inbox of the backup may have been taken in since, and cancelled.
func (d *Desk) CollectHeld(ctx context.Context, m store.RestoreMark) (Collected, error) {
	var all Collected
	for {
		var done Collected
		err := d.db.Update(ctx, func(tx store.Tx) (err error) {
			var taken []string
			if done, taken, err = d.collect(ctx, tx); err != nil || len(taken) == 0 {
				return err
			}
			_, err = holdThese(ctx, tx, taken, m.TakenAt, d.actor)
			return err
		})
		all.Accepted, all.Refused = all.Accepted+done.Accepted, all.Refused+done.Refused
		if err != nil || done.Accepted+done.Refused == 0 {
			return all, storefault.Of(err, "take in what is in the inbox")
		}
	}
}
