// Package restore makes a ledger fit to pay again that was put back from a backup.
//
// A backup is of a moment, and money moved since. So a ledger that was put back is paused (store.Restore): nothing is bound, asked for,
// signed, sent, bumped or filled, and no nonce is reserved; what is out is followed. Begin pauses it, in the transaction that brings the
// rows. Examine then compares them with the signing machine's journal and with the chain, mends what can be mended, and writes down each
// difference. When a person has seen them, Accept ends the pause.
//
// Words: the cut-off is when the backup was taken. A difference is something in which backup, signing machine and chain do not agree. A
// payment is held if it waited in the backup and nothing was asked for: it may have been cancelled since, and only its caller knows; he
// submits it again, or a person ends it.
//
// The promise: what was paid since the cut-off is not paid again, and no nonce that may be spent is given to anybody.
package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// The actions of a restore in audit rows.
const (
	actionBegin   = "restore.begin"
	actionExamine = "restore.examine"
	actionAccept  = "restore.accept"
)

// Begun says which backup a ledger was put back from.
type Begun struct {
	TakenAt time.Time // the cut-off
	Digest  string    // SHA-256 of its manifest, hex
	Actor   string    // who, in audit rows
}

// Begin pauses a ledger that is put back in this transaction, and holds what waited in it.
func Begin(ctx context.Context, tx store.Tx, b Begun) (store.Restore, error) {
	r, err := tx.BeginRestore(ctx, store.Restore{TakenAt: b.TakenAt, Digest: b.Digest, Actor: b.Actor})
	if err != nil {
		return r, err
	}
	held, err := withdrawal.Hold(ctx, tx, b.TakenAt, b.Actor)
	if err != nil {
		return r, err
	}
	return r, tx.Record(ctx, []store.AuditRow{{
		Actor: b.Actor, Action: actionBegin, Subject: subjectOf(r.ID), Result: store.ResultDone, Before: "backup of " + stamp(b.TakenAt) + ", manifest " + b.Digest,
		After: fmt.Sprintf("paused; %d wallets, %d withdrawals held", len(r.Cursors), len(held)),
	}})
}

func subjectOf(restoreID int64) string { return fmt.Sprintf("restore %d", restoreID) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Acceptance is what is said when a restore is accepted.
type Acceptance struct {
	Actor  string
	Reason string
	// DespiteUnknown: also if a chain or a signing machine could not be asked. Whoever says so knows from elsewhere that nothing was spent.
	DespiteUnknown bool
}

// Accept ends the pause. It is refused before the examination came to its end, while there are conflicts, and, but for DespiteUnknown, as
// long as a chain or a signing machine could not be asked. Said again it changes nothing, and already is true.
func Accept(ctx context.Context, db store.DB, a Acceptance) (r Report, already bool, err error) {
	err = db.Update(ctx, func(tx store.Tx) (err error) {
		if already, err = AcceptIn(ctx, tx, a); err != nil {
			return err
		}
		r, err = ReadIn(ctx, tx)
		return err
	})
	if errors.Is(err, fault.Refused) {
		refused := store.AuditRow{Actor: a.Actor, Action: actionAccept, Subject: "restore", Result: store.ResultRefused, Reason: err.Error()}
		err = errors.Join(err, db.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, []store.AuditRow{refused}) }))
	}
	return r, already, storefault.Of(err, "accept a restore")
}

// AcceptIn is Accept in somebody's transaction. A refusal is not recorded.
func AcceptIn(ctx context.Context, tx store.Tx, a Acceptance) (already bool, err error) {
	if a.Reason == "" {
		return false, fault.New(fault.Usage, "reason_needed", "say why: --reason TEXT", "to accept a restore needs a reason: it is kept")
	}
	m, err := tx.Restored(ctx)
	switch {
	case err != nil:
		return false, err
	case m.ID == 0:
		return false, neverRestored()
	case !m.Paused:
		return true, nil
	case !m.Examined:
		return false, fault.New(fault.Refused, "restore_unfinished", "coffer restore --continue", "the restored ledger was not compared with signing machine and chain to the end")
	}
	ds, err := tx.Differences(ctx, m.ID)
	if err != nil {
		return false, err
	}
	n := count(ds)
	switch {
	case n[Conflict] > 0:
		return false, fault.New(fault.Refused, "restore_conflicts", "coffer restore report; docs/restore.md, Conflicts; then coffer restore --continue",
			"%d answers of the signing machine contradict the ledger", n[Conflict])
	case n[ChainUnknown]+n[SignerUnknown] > 0 && !a.DespiteUnknown:
		return false, fault.New(fault.Refused, "restore_unknown", "mend that, then coffer restore --continue; or --despite-unknown, if you know that nothing was spent there",
			"%d wallets' chains and %d signing machines could not be asked what was spent since the backup", n[ChainUnknown], n[SignerUnknown])
	}
	if err := tx.AcceptRestore(ctx, m.ID, a.Actor, a.Reason); err != nil {
		return false, err
	}
	if err := endAlarms(ctx, tx, a.Actor); err != nil {
		return false, err
	}
	after := fmt.Sprintf("goes on; %d differences", len(ds))
	if a.DespiteUnknown {
		after += fmt.Sprintf(", despite %d unknown", n[ChainUnknown]+n[SignerUnknown])
	}
	return false, tx.Record(ctx, []store.AuditRow{{
		Actor: a.Actor, Action: actionAccept, Subject: subjectOf(m.ID), Before: "paused", After: after, Result: store.ResultDone, Reason: a.Reason,
	}})
}

// endAlarms ends the alarms that say so, which are brakes: not a second later.
func endAlarms(ctx context.Context, tx store.Tx, by string) error {
	all, err := tx.Alarms(ctx, store.AlarmFilter{Open: true, Kinds: []string{string(withdrawal.AlarmPaused)}})
	if err != nil || len(all) == 0 {
		return err
	}
	keys := make([]string, len(all))
	for i, a := range all {
		keys[i] = a.Key
	}
	return tx.EndAlarms(ctx, keys, by)
}

func neverRestored() error {
	return fault.New(fault.NotFound, "not_restored", "coffer restore FILE puts a backup into an empty database", "this ledger was never restored from a backup")
}
