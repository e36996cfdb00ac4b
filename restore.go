package coffer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/restore"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// RestoreReport is what became of a restore: the cut-off, and each difference between backup, signing machine and chain (docs/restore.md).
type RestoreReport = restore.Report

// RestoreReport reads what became of the newest restore of this ledger. A ledger that never was restored is a fault.NotFound.
func (s *System) RestoreReport(ctx context.Context) (RestoreReport, error) {
	return restore.Read(ctx, s.db)
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
