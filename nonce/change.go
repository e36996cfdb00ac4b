package nonce

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// change runs one recorded operation on a wallet of db, which it locks. fn returns the audit row (Actor, Action and Subject are
// filled in; empty After and Before with a nil refusal: nothing changed, nothing is recorded) and, if the operation is
// refused, why; then fn must have written nothing. A refusal is committed with its audit row like an effect is.
func (l *Ledger) change(
	ctx context.Context, db store.DB, action, address string, chainID int64,
	fn func(tx store.Tx, w store.Wallet) (row store.AuditRow, refusal, err error),
) error {
	id, err := identify(address, chainID)
	if err != nil {
		return err
	}
	var refusal error
	err = db.Update(ctx, func(tx store.Tx) error {
		var row store.AuditRow
		w, err := id.lock(ctx, tx)
		switch {
		case errors.Is(err, fault.NotFound):
			refusal = err
		case err != nil:
			return err
		default:
			if row, refusal, err = fn(tx, w); err != nil {
				return err
			}
		}
		row.Actor, row.Action, row.Subject, row.Result = l.rules.actor, action, id.String(), store.ResultDone
		if refusal != nil {
			row.Result, row.Reason = store.ResultRefused, refusal.Error()
		} else if row.Before == "" && row.After == "" {
			return nil
		}
		return tx.Record(ctx, []store.AuditRow{row})
	})
	switch {
	case err == nil:
		return refusal
	case refusal != nil:
		return unrecorded(refusal, err)
	default:
		return storefault.Of(err, action+" "+id.address)
	}
}
