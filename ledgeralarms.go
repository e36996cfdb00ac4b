package coffer

import (
	"context"
	"time"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// stand raises an alarm about the ledger, or ends it, if it does not stand so already, with its audit row.
func (s *System) stand(ctx context.Context, tx store.Tx, a store.Alarm, stands bool) error {
	open, err := tx.Alarms(ctx, store.AlarmFilter{Open: true, Keys: []string{a.Key}})
	if err != nil {
		return err
	}
	switch {
	case stands:
		if err := tx.RaiseAlarms(ctx, []store.Alarm{a}); err != nil || len(open) > 0 {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{withdrawal.AlarmRaised(s.actor, a)})
	case len(open) > 0:
		if err := tx.EndAlarms(ctx, []string{a.Key}, s.actor); err != nil {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{withdrawal.AlarmEnded(s.actor, open[0])})
	}
	return nil
}

const (
	// sealedWithin is how long an audit row may wait to be sealed before somebody has to know.
	sealedWithin = 30 * time.Second
	// sealLook is how often a daemon looks for such rows.
	sealLook = 10 * time.Second
)

// watchingSeals raises an alarm when audit rows wait too long to be sealed, and ends it, until leave is called.
func (s *System) watchingSeals(ctx context.Context) (leave func()) {
	return running(ctx, func(ctx context.Context) {
		tick := time.NewTicker(sealLook)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if err := s.watchSeals(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("whether the audit log is sealed could not be seen", "error", err)
			}
		}
	})
}

func (s *System) watchSeals(ctx context.Context) error {
	var now time.Time
	var tree store.AuditTree
	var open []store.Alarm
	a := withdrawal.LedgerAlarm(withdrawal.AlarmAuditUnsealed, "", 0, "")
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		if now, err = r.Now(ctx); err != nil {
			return err
		}
		if tree, err = r.AuditTree(ctx); err != nil {
			return err
		}
		open, err = r.Alarms(ctx, store.AlarmFilter{Open: true, Keys: []string{a.Key}})
		return err
	})
	stands := tree.Unsealed > 0 && now.Sub(tree.OldestUnsealed) > sealedWithin
	if err != nil || stands == (len(open) > 0) {
		return storefault.Of(err, "see whether the audit log is sealed")
	}
	a.Why = "audit rows wait to be sealed since " + tree.OldestUnsealed.UTC().Format(time.RFC3339) + ", and are usually after " + auditlog.Every.String()
	err = s.db.Update(ctx, func(tx store.Tx) error { return s.stand(ctx, tx, a, stands) })
	return storefault.Of(err, "write down whether the audit log is sealed")
}
