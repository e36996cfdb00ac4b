package coffer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"coffer.internal/internal/backup"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/newfile"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/restore"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// RestoreReport is what became of a restore: the cut-off, and each difference between backup, signing machine and chain (docs/restore.md).
type RestoreReport = restore.Report

// RestoreReport reads what became of the newest restore of this ledger. A ledger that never was restored is a fault.NotFound.
func (s *System) RestoreReport(ctx context.Context) (RestoreReport, error) {
	return restore.Read(ctx, s.db)
}

// RestoreSource is the backup that a ledger is put back from.
type RestoreSource struct {
	BackupSource
	// Settings is a file that does not exist, to which the backup's coffer.toml is written; empty: nowhere. This home's own stays as it is.
	Settings string
	// WithoutSigner brings the rows back and asks no signing machine: it is older than the backup, and has to be told first what it signed
	// (ExportSigner). The ledger is paused, and ContinueRestore compares.
	WithoutSigner bool
}

// Restore fills this ledger, which must be empty, with a backup: it is the backup's ledger then, and paused. Then it is compared with signing
// machine and chain, as ContinueRestore does once more. Whatever is refused changes nothing, and is recorded: a backup that is not whole, or
// whose signature is not right, a ledger that is not empty, a daemon that runs, a signing machine that is older than the backup, or whose
// keys are those of another ledger. An error after the rows are back leaves the ledger paused.
func (s *System) Restore(ctx context.Context, from RestoreSource) (r RestoreReport, err error) {
	err = s.undriven(ctx, func() error {
		if err := s.load(ctx, from); err != nil {
			refused := store.AuditRow{Actor: s.actor, Action: "restore.begin", Subject: from.Path, Result: store.ResultRefused, Reason: err.Error()}
			recordErr := s.db.Update(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.Record(ctx, []store.AuditRow{refused}) })
			if recordErr != nil {
				s.log.Error("a refusal could not be recorded", "refusal", err, "error", recordErr)
			}
			return err
		}
		if from.WithoutSigner {
			r, err = s.RestoreReport(ctx)
		} else {
			r, err = s.examine(ctx)
		}
		return err
	})
	return r, err
}

// load brings the rows.
func (s *System) load(ctx context.Context, from RestoreSource) error {
	source, err := from.source(s.config)
	if err != nil {
		return err
	}
	if err := s.noDaemon(ctx); err != nil {
		return err
	}
	if from.Settings != "" {
		if _, err := os.Lstat(from.Settings); !errors.Is(err, os.ErrNotExist) {
			return fault.New(fault.Refused, "file_exists", "name another file", "%s exists, and is not written over", from.Settings)
		}
	}
	var settings []byte
	_, err = backup.LoadThen(ctx, s.db, source, func(b []byte) error { settings = b; return nil }, func(ctx context.Context, tx store.Tx, m backup.Manifest) error {
		if !from.WithoutSigner {
			if err := s.machineFits(ctx, tx, m); err != nil {
				return err
			}
		}
		_, err := restore.Begin(ctx, tx, restore.Begun{TakenAt: m.TakenAt, Digest: m.Digest, Actor: s.actor})
		return err
	})
	if err != nil {
		return storefault.Of(err, "restore "+from.Path)
	}
	if from.Settings == "" || settings == nil {
		return nil
	}
	return newfile.Write(from.Settings, settings)
}

// noDaemon refuses while any daemon lives: on an empty ledger it drives nothing yet.
func (s *System) noDaemon(ctx context.Context) error {
	if s.alone() {
		return nil // by the lock
	}
	n := 0
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		n, err = s.daemons(ctx, r)
		return err
	})
	if err == nil && n > 0 {
		err = fault.New(fault.Refused, "daemon_runs", "stop coffer run first, on every machine (coffer cache-status shows them)", "%d daemons live on this database", n)
	}
	return storefault.Of(err, "see whether a daemon runs")
}

// machineFits refuses a backup whose payments the signing machine that answers cannot have signed: one that went back behind the backup, or
// whose keys are another ledger's. Where no wallet's key is with a machine, none is asked.
func (s *System) machineFits(ctx context.Context, r store.Reader, m backup.Manifest) error {
	ws, err := r.Wallets(ctx, store.WalletFilter{})
	if err != nil || !slices.ContainsFunc(ws, func(w store.Wallet) bool { return w.Device != "" }) {
		return err
	}
	st, err := s.machine.Status(ctx)
	if err != nil {
		return err
	}
	highest, err := s.machine.Highest(ctx, m.Ledger)
	if err != nil {
		return err
	}
	for _, d := range m.Devices {
		if d.Device == st.Device && d.Receipt > highest {
			return fault.New(fault.Refused, string(withdrawal.AlarmSignerRolledBack), "have it know what it signed: coffer restore FILE --without-signer, coffer signer export, coffer-signer load (docs/restore.md), then coffer restore --continue",
				"the signing machine is older than the backup: it gave %d answers to this ledger, and number %d of them is in the backup", highest, d.Receipt)
		}
	}
	keys, err := s.machine.KeysOf(ctx, m.Ledger)
	if err == nil && len(keys) == 0 && st.Keys > 0 {
		err = fault.New(fault.Refused, "other_ledger", "--signer names the machine; coffer-signer status shows which ledgers its keys are of",
			"the %d keys of signing machine %s are bound to other ledgers than that of the backup, %s", st.Keys, st.Device, m.Ledger)
	}
	return err
}

// ContinueRestore compares a restored ledger with signing machine and chain once more, and reads the report. It is refused while a daemon
// drives the database.
func (s *System) ContinueRestore(ctx context.Context) (r RestoreReport, err error) {
	err = s.undriven(ctx, func() (err error) {
		r, err = s.examine(ctx)
		return err
	})
	return r, err
}

func (s *System) examine(ctx context.Context) (RestoreReport, error) {
	return restore.Examine(ctx, restore.Options{
		DB: s.db, Machine: s.machine, Chains: s.chains, Inbox: s.Withdrawals, Floor: s.floor, Actor: s.actor,
	})
}

// floor raises the cursors of EVM wallets to what their nodes agree on, and says of which that is not known.
func (s *System) floor(ctx context.Context, ws []wallet.Wallet) (map[int64]error, error) {
	rows, err := s.SyncFromChain(operators.ByItself(ctx), ws, "the ledger was restored")
	unknown := map[int64]error{}
	for _, r := range rows {
		if r.Err != nil {
			unknown[r.Wallet.ID] = r.Err
		}
	}
	if len(unknown) > 0 { // the error says no more than that
		return unknown, ctx.Err()
	}
	return unknown, err
}

// AcceptRestore ends the pause of a restored ledger. It is refused before all was compared, while there are conflicts, and, unless
// despiteUnknown, as long as a chain or a signing machine could not be asked. Said again, already is true.
func (s *System) AcceptRestore(ctx context.Context, reason string, despiteUnknown bool) (r RestoreReport, already bool, err error) {
	r, already, err = restore.Accept(ctx, s.admin, restore.Acceptance{Actor: s.actor, Reason: reason, DespiteUnknown: despiteUnknown})
	if err == nil {
		s.engine.Wake()
	}
	return r, already, err
}

// RestoreDone is the result of restore_accept.
type RestoreDone struct {
	Report  RestoreReport
	Already bool // it was accepted before
}

// accepting makes restore_accept ready. It is about the restore that the act names, which must be the newest.
func (s *System) accepting(_ context.Context, act Act, by By) (job, error) {
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]operators.Change, error) {
			rep, err := restore.ReadIn(ctx, r)
			switch {
			case err != nil:
				return nil, err
			case rep.ID != act.Restore:
				return nil, fault.New(fault.Refused, "another_restore", "coffer restore report shows it", "the newest restore is %d, not %d", rep.ID, act.Restore)
			case !rep.CanAccept && !act.Despite && rep.State != restore.Accepted:
				return nil, fault.New(fault.Refused, "restore_not_ready", "coffer restore report shows it", "restore %d cannot be accepted: %s", rep.ID, rep.WhyNot)
			}
			after := "the ledger goes on"
			for _, kind := range slices.Sorted(maps.Keys(rep.Counts)) {
				if n := rep.Counts[kind]; n > 0 {
					after += fmt.Sprintf(", %s: %d", kind, n)
				}
			}
			return []operators.Change{{Subject: fmt.Sprintf("restore %d of the backup of %s", rep.ID, rep.CutOff.Format(time.RFC3339)), Before: "paused", After: after}}, nil
		},
		do: func(ctx context.Context) (any, error) {
			r, already, err := s.AcceptRestore(ctx, by.Reason, act.Despite)
			return RestoreDone{r, already}, err
		},
	}, nil
}

// restored is the newest restore of this ledger.
func (s *System) restored(ctx context.Context) (m store.RestoreMark, err error) {
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		m, err = r.Restored(ctx)
		return err
	})
	return m, storefault.Of(err, "see whether the ledger was restored")
}

// warnPaused says in the daemon's log that the ledger is paused.
func (s *System) warnPaused(ctx context.Context) {
	if m, err := s.restored(ctx); err == nil && m.Paused {
		s.log.Warn(storefault.PausedWhy(m), "hint", storefault.PausedHint(m))
	}
}

// undriven runs what may not meet a daemon that moves payments.
func (s *System) undriven(ctx context.Context, do func() error) error {
	lock := lockRecover
	if s.alone() {
		lock = lockRun
	}
	hold, err := s.db.Hold(ctx, lock)
	if errors.Is(err, store.ErrHeld) {
		return fault.Wrap(err, fault.Refused, "daemon_runs", "stop coffer run first, also on other machines; it pays nothing meanwhile",
			"a daemon drives this database, or another coffer recover or restore is at it")
	}
	if err != nil {
		return storefault.Of(err, "take the lock")
	}
	if err := s.nobodyDrives(ctx); err != nil {
		return errors.Join(err, hold.Release())
	}
	return errors.Join(do(), hold.Release())
}
