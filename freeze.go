package coffer

import (
	"context"
	"errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

const actionFreeze = "signer.freeze"

// FreezeSigner has the signing machine sign nothing more until officers unfreeze it there. Payments wait: what was asked for stays asked.
// It is an emergency stop: the machine is asked before the database is opened, and stays frozen if that fails. Who asked, and what came of
// it, is recorded here, and at the machine.
func FreezeSigner(ctx context.Context, c Config, o Options, reason string) (signing.Frozen, error) {
	machine, err := client.Dial(c.Signer, verify, client.WithCertificates(client.Certificates(c.SignerFiles)))
	if err != nil {
		return signing.Frozen{}, err
	}
	f, err := machine.Freeze(ctx, reason)
	row := store.AuditRow{Action: actionFreeze, Subject: c.Signer, Result: store.ResultDone, After: f.ID, Reason: reason}
	if err != nil {
		row.Result, row.Reason = store.ResultRefused, err.Error()+"; asked for: "+reason
		return f, errors.Join(err, recordFreeze(ctx, c, o, row))
	}
	if st, err := machine.Status(ctx); err == nil {
		f.Device, row.Subject = st.Device, st.Device
	}
	if err := recordFreeze(ctx, c, o, row); err != nil {
		return f, fault.Wrap(err, fault.Unreachable, "freeze_not_recorded", "the machine's own journal has it: coffer-signer status",
			"the signing machine is frozen, and that could not be recorded here")
	}
	return f, nil
}

func recordFreeze(ctx context.Context, c Config, o Options, row store.AuditRow) error {
	o = o.withDefaults()
	db, err := OpenDatabase(ctx, c, o)
	if err != nil {
		return err
	}
	row.Actor = o.Actor
	err = db.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, []store.AuditRow{row}) })
	return errors.Join(storefault.Of(err, "record the freeze"), db.Close())
}
