package coffer

import (
	"context"
	"errors"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// naming are the acts about operators themselves; the result is the Operator as he is afterwards.
func (s *System) naming(_ context.Context, act Act, by By) (job, error) {
	if err := operators.CheckName(act.Operator); err != nil {
		return job{}, err
	}
	change := operators.Naming{Verb: act.Verb, Name: act.Operator, Role: operators.Role(act.Role)}
	if act.Verb == operators.OperatorAdd {
		if _, err := operators.ParseRole(act.Role); err != nil {
			return job{}, err
		}
	}
	if act.Key != "" {
		var err error
		if change.Key, change.Fingerprint, err = operators.ParseKey(act.Key); err != nil {
			return job{}, err
		}
	}
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]operators.Change, error) {
			named, err := r.Operators(ctx)
			if err != nil {
				return nil, err
			}
			_, what, err := change.Decide(named)
			return []operators.Change{what}, err
		},
		do: func(ctx context.Context) (any, error) { return s.name(ctx, act, change, by.Reason) },
	}, nil
}

// name changes who is named, in one transaction with its audit row; a refusal is recorded too.
func (s *System) name(ctx context.Context, act Act, n operators.Naming, reason string) (op Operator, err error) {
	var refusal error
	err = s.admin.Update(ctx, func(tx store.Tx) error {
		named, err := tx.LockOperators(ctx)
		if err != nil {
			return err
		}
		revoke, what, no := n.Decide(named)
		row := store.AuditRow{
			Actor: s.actor, Action: n.Action(), Subject: n.Name, Before: what.Before, After: what.After, Result: store.ResultDone, Reason: reason,
		}
		if refusal = no; no != nil {
			row.Result, row.Reason = store.ResultRefused, no.Error()
			return tx.Record(ctx, []store.AuditRow{row})
		}
		if revoke != 0 {
			if err := tx.RevokeOperator(ctx, revoke); err != nil {
				return err
			}
		}
		if n.Key != "" {
			if err := tx.AddOperator(ctx, n.Added(named)); err != nil {
				return err
			}
		}
		if named, err = tx.Operators(ctx); err != nil {
			return err
		}
		op = named[slices.IndexFunc(named, func(o store.Operator) bool { return o.ID == revoke || o.Fingerprint == n.Fingerprint })]
		return tx.Record(ctx, []store.AuditRow{row})
	})
	if errors.Is(err, store.ErrRecorded) {
		return Operator{}, err
	}
	if err == nil {
		err = refusal
	}
	return op, storefault.Of(err, string(act.Verb)+" "+n.Name)
}

// mayLift has an alarm about a broken glass ended by another officer than the one who broke it.
func mayLift(ctx context.Context, r store.Reader, id int64, by store.Operator) error {
	all, err := r.Alarms(ctx, store.AlarmFilter{Open: true, Kinds: []string{string(withdrawal.AlarmBreakGlass)}})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a store.Alarm) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	ps, err := r.Proposals(ctx, store.ProposalFilter{State: store.ProposalDone})
	if err != nil {
		return err
	}
	broke := slices.IndexFunc(ps, func(p store.Proposal) bool { return breakGlassKey(p.ID) == all[i].Key })
	switch {
	case by.Role != string(operators.Officer):
		return fault.New(fault.NotAllowed, "role_too_small", "have it done by one who is officer", "%s is %s: an officer ends the alarm of a broken glass", by.Name, by.Role)
	case broke >= 0 && ps[broke].EndedBy == by.Name:
		return fault.New(fault.NotAllowed, "own_break_glass", "have another officer look at it, and lift it", "%s broke the glass: another officer ends that alarm", by.Name)
	}
	return nil
}
