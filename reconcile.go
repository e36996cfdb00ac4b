package coffer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"coffer.internal/internal/reconcile"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// Reconciliation is what a comparison of requests, attempts, chain and fees came to (docs/reconcile.md).
type Reconciliation = reconcile.Report

// Transaction is one transaction of coffer's, for whoever keeps the books.
type Transaction = reconcile.Line

// ReconcileOptions say what is compared.
type ReconcileOptions struct {
	Since, Until time.Time // payments that ended at or after the one and before the other; zero: from the beginning, until now
	ChainID      *int64    // only chains with this id; nil: all
	// Patience is how long a running daemon gets to write down what the chain shows before that is a difference; 0: 15 seconds.
	Patience    time.Duration
	Progress    func(looked int)        // is told how many payments were looked at; may be nil
	Transaction func(Transaction) error // is given each transaction; may be nil
}

const (
	actionReconcile = "reconcile"
	// subjectReconcile is what the audit rows of runs are about that compared everything since the last clean one.
	subjectReconcile = "ledger"
	patience         = 15 * time.Second
)

// Reconcile compares what was asked for, what the ledger says became of it, and what the nodes show. It changes nothing but the alarms about
// it: a run over everything raises and ends those. By settings that are not in force, once officers signed for some, it is a fault.NotAllowed: what
// the nodes of another coffer.toml show would end them.
func (s *System) Reconcile(ctx context.Context, o ReconcileOptions) (Reconciliation, error) {
	if err := s.settled(ctx, actionReconcile, ""); err != nil {
		return Reconciliation{}, err
	}
	r, err := s.compare(ctx, o)
	if err != nil {
		return r, err
	}
	series := o.Since.IsZero() && o.Until.IsZero() && o.ChainID == nil
	return r, s.noteReconciled(ctx, r, series)
}

func (s *System) compare(ctx context.Context, o ReconcileOptions) (Reconciliation, error) {
	r, err := reconcile.Run(ctx, reconcile.Options{
		DB: s.db, Chains: s.chains, Verify: verify, Since: o.Since, Until: o.Until, ChainID: o.ChainID, Patience: cmp.Or(o.Patience, patience),
		Progress: o.Progress, Line: o.Transaction,
	})
	return r, storefault.Of(err, "reconcile")
}

// noteReconciled writes down that it was done; of a run of the series, its alarms too.
func (s *System) noteReconciled(ctx context.Context, r Reconciliation, series bool) error {
	row := store.AuditRow{Actor: s.actor, Action: actionReconcile, Subject: "part of the ledger", After: reconcile.MarkOf(r).String(), Result: store.ResultDone}
	if series {
		row.Subject = subjectReconcile
	}
	err := s.db.Update(ctx, func(tx store.Tx) error {
		if series {
			if err := s.alarmReconciled(ctx, tx, r); err != nil {
				return err
			}
		}
		return tx.Record(ctx, []store.AuditRow{row})
	})
	return storefault.Of(err, "write down the reconciliation")
}

// alarmReconciled raises an alarm for each chain with differences, and ends those of chains on which all was looked at and explained.
func (s *System) alarmReconciled(ctx context.Context, tx store.Tx, r Reconciliation) error {
	open, err := tx.Alarms(ctx, store.AlarmFilter{Open: true, Kinds: []string{string(withdrawal.AlarmReconcileDiffers)}})
	if err != nil {
		return err
	}
	differ, unsure := map[reconcile.Place]int{}, map[reconcile.Place]bool{}
	for _, a := range open {
		differ[reconcile.Place{ChainType: a.ChainType, ChainID: a.ChainID}] = 0
	}
	for _, d := range r.Differences {
		differ[reconcile.Place{ChainType: d.ChainType, ChainID: d.ChainID}]++
	}
	for _, u := range r.Unchecked {
		unsure[reconcile.Place{ChainType: u.ChainType, ChainID: u.ChainID}] = true
	}
	for _, at := range slices.SortedFunc(maps.Keys(differ), reconcile.Place.Compare) {
		n := differ[at]
		if n == 0 && (unsure[at] || r.More > 0) {
			continue // what is not known ends nothing
		}
		a := withdrawal.LedgerAlarm(withdrawal.AlarmReconcileDiffers, at.ChainType, at.ChainID, fmt.Sprintf("%d differences between ledger and chain are not explained", n))
		if err := s.stand(ctx, tx, a, n > 0); err != nil {
			return err
		}
	}
	return nil
}

// lockReconcile lets one process per ledger reconcile at a time.
const lockReconcile = "reconcile"

// reconcileLook is how often a daemon looks whether it is time.
const reconcileLook = time.Minute

// reconciling reconciles every now and then, if no other process of the ledger has, until leave is called, which waits for the end of it.
func (s *System) reconciling(ctx context.Context) (leave func()) {
	every := s.config.Reconcile.Every
	if every == 0 {
		return func() {}
	}
	return looking(ctx, min(every, reconcileLook), func(ctx context.Context) {
		if err := s.reconcileIfDue(ctx, every); err != nil && ctx.Err() == nil {
			s.log.Error("the ledger could not be reconciled; it is tried again", "error", err)
		}
	})
}

// reconcileIfDue reconciles what the series has not covered, if the last run was long enough ago.
func (s *System) reconcileIfDue(ctx context.Context, every time.Duration) error {
	if _, due, err := s.reconcileDue(ctx, every); err != nil || !due {
		return err
	}
	if err := s.halted(ctx); err != nil {
		return err
	}
	hold, err := s.db.Hold(ctx, lockReconcile)
	if errors.Is(err, store.ErrHeld) {
		return nil
	}
	if err != nil {
		return storefault.Of(err, "take the lock of reconciliation")
	}
	err = whileHeld(ctx, hold, func(ctx context.Context) error {
		since, due, err := s.reconcileDue(ctx, every) // another one may just have done it
		if err != nil || !due {
			return err
		}
		r, err := s.compare(ctx, ReconcileOptions{Since: since})
		if err != nil {
			return err
		}
		s.tellReconciled(r)
		return s.noteReconciled(ctx, r, true)
	})
	return errors.Join(err, hold.Release())
}

// reconcileDue says whether the next run of the series is due by the store's clock, and where it begins. The first one is due that long
// after the ledger's first operation.
func (s *System) reconcileDue(ctx context.Context, every time.Duration) (since time.Time, due bool, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		now, err := r.Now(ctx)
		if err != nil {
			return err
		}
		last, err := r.Audit(ctx, store.AuditFilter{Action: actionReconcile, Subject: subjectReconcile, Limit: 1})
		if err != nil {
			return err
		}
		if len(last) == 0 {
			if last, err = r.Audit(ctx, store.AuditFilter{OldestFirst: true, Limit: 1}); err != nil || len(last) == 0 {
				return err
			}
			due = now.Sub(last[0].At) >= every
			return nil
		}
		mark, err := reconcile.ParseMark(last[0].After)
		if err != nil {
			return err
		}
		since, due = mark.Next(), now.Sub(last[0].At) >= every
		return nil
	})
	return since, due, storefault.Of(err, "see when it was reconciled last")
}

func (s *System) tellReconciled(r Reconciliation) {
	m := reconcile.MarkOf(r)
	how := s.log.Info
	if !r.Clean() {
		how = s.log.Warn
	}
	how("reconciled", "since", m.Since, "until", m.Until, "ended", m.Ended, "transactions", m.Transactions, "differences", m.Differences, "unchecked", m.Unchecked)
}

// AssetOf is how an asset of a chain is shown: its symbol, and its decimals, -1 if it is not in the configuration. An empty contract is the
// chain's own coin.
func (s *System) AssetOf(chainType string, chainID int64, contract string) (symbol string, decimals int) {
	for _, c := range s.config.Chains {
		if c.Type != chainType || c.ID != chainID {
			continue
		}
		if contract == "" {
			return c.NativeSymbol, c.NativeDecimals
		}
		for _, a := range c.Assets {
			if a.Contract == contract {
				return a.Symbol, a.Decimals
			}
		}
	}
	return contract, -1
}
