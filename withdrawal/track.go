package withdrawal

import (
	"context"
	"fmt"
	"slices"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// track looks on the chain for everything that may be out, and ends what is final.
func (l *lane) track(ctx context.Context) (again bool, err error) {
	var out []store.Attempt
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		out, err = r.Attempts(ctx, l.attempts(store.AttemptSent, store.AttemptMined))
		return err
	})
	if err != nil || len(out) == 0 {
		return false, storefault.Of(err, "read what is out")
	}
	txs, err := txsOf(out)
	if err != nil {
		return false, err
	}
	sightings, err := l.chain.Watch(ctx, txs)
	if err != nil {
		return false, err
	}
	var fates []fate
	for i, a := range out {
		l.count(a, sightings[i])
		if f := afterWatch(a, sightings[i], l.spent[a.ID]); f.change() {
			fates = append(fates, f)
		}
	}
	if len(fates) == 0 {
		return false, nil
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	err = settle(len(fates), func(from, to int) error { return l.apply(ctx, fates[from:to]) })
	if err != nil {
		return false, storefault.Of(err, "write down what the chain shows")
	}
	l.wake(stepBind, stepSend)
	return slices.ContainsFunc(fates, func(f fate) bool { return f.again }), nil
}

// count counts the passes in a row in which all nodes say that an attempt's nonce is spent and that they have none of it.
func (l *lane) count(a store.Attempt, s chain.Sighting) {
	switch {
	case s.Stage == chain.StageAbsent && s.Spent:
		l.spent[a.ID]++
	case s.Stage != chain.StageUnknown:
		delete(l.spent, a.ID)
	}
}

// apply writes what was decided, the ends of the payments in the same transaction.
func (l *lane) apply(ctx context.Context, fates []fate) error {
	err := l.db.Update(ctx, func(tx store.Tx) error {
		rows, err := payments(ctx, tx, fates)
		if err != nil {
			return err
		}
		var attempts []store.AttemptMove
		var ends []store.WithdrawalMove
		var audit []store.AuditRow
		for _, f := range fates {
			if f.move != nil {
				attempts = append(attempts, *f.move)
			}
			if m, row := f.end(rows[f.attempt.Payment]); m != nil {
				ends, audit = append(ends, *m), append(audit, row)
			}
		}
		if len(attempts) > 0 {
			if err := tx.MoveAttempts(ctx, attempts); err != nil {
				return err
			}
			audit = append(audit, store.AuditRow{
				Action: actionTrack, Subject: l.batch(len(attempts), "transaction"), After: summary(attempts), Result: store.ResultDone,
			})
		}
		if len(ends) > 0 {
			if err := tx.MoveWithdrawals(ctx, ends); err != nil {
				return err
			}
		}
		return record(ctx, tx, l.actor, audit)
	})
	if err != nil {
		return err
	}
	for _, f := range fates {
		if f.alarm != "" {
			l.log.Error(f.alarm, "wallet", f.attempt.Address, "nonce", f.attempt.Nonce, "payment", f.attempt.Payment, "hash", f.attempt.Hash)
		}
	}
	return nil
}

// payments reads the withdrawals of the fates that end something.
func payments(ctx context.Context, r store.Reader, fates []fate) (map[string]store.Withdrawal, error) {
	var ids []string
	for _, f := range fates {
		if f.to != "" && f.attempt.Payment != "" {
			ids = append(ids, f.attempt.Payment)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: ids})
	by := make(map[string]store.Withdrawal, len(rows))
	for _, w := range rows {
		by[w.Payment] = w
	}
	return by, err
}

// summary counts moves by the state they lead to.
func summary(moves []store.AttemptMove) string {
	n := map[string]int{}
	for _, m := range moves {
		n[m.To]++
	}
	return fmt.Sprintf("%d mined, %d final, %d back in no block", n[store.AttemptMined], n[store.AttemptFinal], n[store.AttemptSent])
}
