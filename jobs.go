package coffer

import (
	"context"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// job is an act made ready to be done: what it needs from outside the database is asked already.
type job struct {
	// preview says what it changes, by what is in the database now; a refusal, if it would be refused. nil: what the act itself says.
	preview func(ctx context.Context, r store.Reader) ([]operators.Change, error)
	// check says who may not do it though his role is enough; nil: nobody.
	check func(ctx context.Context, r store.Reader, by store.Operator) error
	do    func(ctx context.Context) (any, error)
}

// jobs make an act of each verb ready.
var jobs = map[operators.Verb]func(*System, context.Context, Act, By) (job, error){
	operators.Activate:         (*System).activation,
	operators.Deactivate:       (*System).activation,
	operators.CreateHot:        (*System).creation,
	operators.CreateInternal:   (*System).creation,
	operators.CreateBatch:      (*System).creation,
	operators.Sync:             (*System).syncJob,
	operators.SyncAll:          (*System).syncAllJob,
	operators.BatchSync:        (*System).batchSyncJob,
	operators.DeviceRebind:     (*System).rebinding,
	operators.TxBump:           (*System).operation,
	operators.TxCancel:         (*System).operation,
	operators.TxRequeue:        (*System).operation,
	operators.AlarmLift:        (*System).lifting,
	operators.ClearCache:       (*System).upkeep,
	operators.AuditKeyCreate:   (*System).upkeep,
	operators.Recover:          (*System).upkeep,
	operators.TxClose:          (*System).operation,
	operators.RestoreAccept:    (*System).accepting,
	operators.OperatorAdd:      (*System).naming,
	operators.OperatorRevoke:   (*System).naming,
	operators.OperatorRotate:   (*System).naming,
	operators.ProposalWithdraw: (*System).withdrawing,
	operators.ConfigAccept:     (*System).settling,
	operators.ConfigRevoke:     (*System).settling,
}

func (s *System) job(ctx context.Context, act Act, by By) (job, error) {
	ready, ok := jobs[act.Verb]
	if !ok {
		return job{}, fault.New(fault.Usage, "bad_act", "docs/operators.md lists the acts", "there is no act %s", act.Verb)
	}
	if byTheFile(act) {
		if err := s.settled(ctx, act.Action(), act.Subject()); err != nil {
			return job{}, err
		}
	}
	j, err := ready(s, ctx, act, by)
	if err == nil && j.preview == nil {
		j.preview = func(context.Context, store.Reader) ([]operators.Change, error) {
			return []operators.Change{{Subject: act.Subject(), After: string(act.Brief())}}, nil
		}
	}
	return j, err
}

// kinds say of which kind an act is, for who decides whether it needs two people.
func (s *System) kinds(ctx context.Context, act Act) (kinds []string, err error) {
	switch act.Verb {
	case operators.CreateInternal:
		return []string{act.WalletType}, nil
	case operators.Sync:
		if act.Force {
			kinds = append(kinds, "force")
		}
		if act.FromChain {
			return append(kinds, "from_chain"), nil
		}
		w, err := s.Wallets.Find(ctx, act.Address, *act.ChainID)
		if err == nil && act.Nonce != nil && *act.Nonce < w.Nonce {
			kinds = append(kinds, "down")
		}
		return kinds, foundOrNot(err)
	case operators.Activate, operators.Deactivate:
		w, err := s.Wallets.Find(ctx, act.Address, *act.ChainID)
		return []string{string(w.Type)}, foundOrNot(err)
	}
	return nil, nil
}

// foundOrNot leaves it to the act itself to refuse what is not there, which it records.
func foundOrNot(err error) error {
	if fault.Exit(err) == fault.Exit(fault.NotFound) {
		return nil
	}
	return err
}

// WalletDone is the result of the acts about one wallet.
type WalletDone struct {
	Wallet  wallet.Wallet
	Changed bool // false: it was so before
}

func (s *System) activation(_ context.Context, act Act, _ By) (job, error) {
	active := act.Verb == operators.Activate
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]operators.Change, error) {
			w, err := wallet.FindIn(ctx, r, act.Address, *act.ChainID)
			if err != nil {
				return nil, err
			}
			return []operators.Change{{Subject: fmt.Sprintf("%s wallet %s", w.Type, w), Before: wallet.Activity(w.Active), After: wallet.Activity(active)}}, nil
		},
		do: func(ctx context.Context) (any, error) {
			w, changed, err := s.Wallets.SetActive(ctx, act.Address, *act.ChainID, active)
			return WalletDone{w, changed}, err
		},
	}, nil
}

func (s *System) creation(_ context.Context, act Act, by By) (job, error) {
	return job{do: func(ctx context.Context) (any, error) {
		if act.Verb == operators.CreateBatch {
			return s.Wallets.CreateBatch(ctx, batchRows(act.Rows), by.Seen)
		}
		var w wallet.Wallet
		var existed bool
		var err error
		if act.Verb == operators.CreateHot {
			w, existed, err = s.Wallets.CreateHot(ctx, wallet.HotRequest{
				ChainType: wallet.ChainType(act.ChainType), ChainID: *act.ChainID, SameKeyAs: act.SameKeyAs, Ref: act.Ref, Nonce: orZero(act.Nonce),
			})
		} else {
			w, existed, err = s.Wallets.CreateInternal(ctx, wallet.InternalRequest{
				Address: act.Address, ChainType: wallet.ChainType(act.ChainType), ChainID: *act.ChainID, Type: wallet.Type(act.WalletType),
				Nonce: orZero(act.Nonce), Device: act.Device, Path: act.Path,
			})
		}
		return WalletDone{w, !existed}, err
	}}, nil
}

func batchRows(rows []operators.Row) []wallet.BatchRow {
	out := make([]wallet.BatchRow, len(rows))
	for i, r := range rows {
		out[i] = wallet.BatchRow{
			Line: r.Line, Address: r.Address, Ref: r.Ref, ChainType: wallet.ChainType(r.ChainType), ChainID: r.ChainID, Type: wallet.Type(r.WalletType), Nonce: r.Nonce,
		}
	}
	return out
}

func orZero(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

func (s *System) rebinding(_ context.Context, act Act, by By) (job, error) {
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]operators.Change, error) {
			all, err := r.Wallets(ctx, store.WalletFilter{})
			if err != nil {
				return nil, err
			}
			var changes []operators.Change
			for _, w := range all {
				if w.Device == act.From {
					changes = append(changes, operators.Change{Subject: wallet.FromRow(w).String(), Before: act.From, After: act.Device})
				}
			}
			return changes, nil
		},
		do: func(ctx context.Context) (any, error) {
			moved, err := s.RebindDevice(ctx, act.From, act.Device, by.Reason)
			return moved, err
		},
	}, nil
}

// PaymentDone is the result of the acts about one payment.
type PaymentDone struct {
	Withdrawal withdrawal.Withdrawal
	Already    bool
}

func (s *System) operation(_ context.Context, act Act, by By) (job, error) {
	operate := map[operators.Verb]func(context.Context, string, string) (withdrawal.Withdrawal, bool, error){
		operators.TxBump: s.Withdrawals.Bump, operators.TxCancel: s.Withdrawals.Cancel, operators.TxRequeue: s.Withdrawals.Requeue,
		operators.TxClose: s.Withdrawals.EndHeld,
	}[act.Verb]
	return job{do: func(ctx context.Context) (any, error) {
		w, already, err := operate(ctx, act.Request, by.Reason)
		return PaymentDone{w, already}, err
	}}, nil
}

// AlarmDone is the result of alarm_lift.
type AlarmDone struct {
	Alarm   Alarm
	Already bool
}

func (s *System) lifting(_ context.Context, act Act, by By) (job, error) {
	return job{
		check: func(ctx context.Context, r store.Reader, op store.Operator) error {
			return mayLift(ctx, r, act.Alarm, op)
		},
		do: func(ctx context.Context) (any, error) {
			lifted, already, err := s.Withdrawals.LiftAlarm(ctx, act.Alarm, by.Reason)
			return AlarmDone{lifted, already}, err
		},
	}, nil
}

// upkeep are the acts about coffer itself: clear_cache gives a CacheCleared, audit_key_create a string, recover a withdrawal.Recovery.
func (s *System) upkeep(_ context.Context, act Act, _ By) (job, error) {
	return job{do: func(ctx context.Context) (any, error) {
		switch act.Verb {
		case operators.ClearCache:
			return s.ClearCache(ctx)
		case operators.AuditKeyCreate:
			return s.CreateAuditKey(ctx)
		}
		return s.Recover(ctx, false)
	}}, nil
}

// syncPreview says what syncs would do.
func syncPreview(ctx context.Context, r store.Reader, calls []nonce.SyncCall) ([]operators.Change, error) {
	report, err := nonce.JudgeSyncs(ctx, r, calls)
	if err != nil {
		return nil, err
	}
	if err := report.Refusal(); err != nil {
		return nil, err
	}
	changes := make([]operators.Change, len(report.Rows))
	for i, row := range report.Rows {
		c := operators.Change{Subject: row.Wallet.String(), Before: fmt.Sprintf("cursor %d", row.Before), After: fmt.Sprintf("cursor %d", row.After)}
		for _, e := range row.Externals {
			c.After += fmt.Sprintf(", %d to %d external", e.From, e.To)
		}
		for _, n := range row.Dropped {
			c.After += fmt.Sprintf(", reservation of nonce %d by %s ends", n.Nonce, n.Request)
		}
		changes[i] = c
	}
	return changes, nil
}
