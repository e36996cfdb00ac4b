package main

import (
	"context"
	"errors"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/sshkeys"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// by is the person at this terminal: his ssh-agent signs, or a key file.
func (a *app) by(reason string) coffer.By {
	by := coffer.By{Name: a.operator, Reason: reason}
	if by.Name == "" {
		by.Name = a.getenv("COFFER_OPERATOR")
	}
	if a.operatorKey != "" {
		by.Keys = sshkeys.File{Path: a.operatorKey}
	} else {
		by.Keys = sshkeys.Agent{Socket: a.getenv("SSH_AUTH_SOCK")}
	}
	return by
}

// act has an administrative thing done, or proposed, and shows what became of it.
func (a *app) act(ctx context.Context, act coffer.Act, reason string) error {
	return a.with(ctx, func(s *coffer.System) error {
		by := a.by(reason)
		p := a.progress(len(act.Rows), "wallets")
		if act.Verb == operators.CreateBatch {
			by.Seen = func(r wallet.BatchResult) { p.step(r.Err != nil) }
		}
		done, err := s.Do(ctx, act, by)
		p.end()
		return a.showDone(ctx, s, act, done, err)
	})
}

// showDone shows what became of an act, and what was amiss with how it was allowed.
func (a *app) showDone(ctx context.Context, s *coffer.System, act coffer.Act, done coffer.Done, err error) error {
	if done.Proposal != nil {
		return errors.Join(a.showProposed(*done.Proposal), err)
	}
	shown, changed := a.showResult(ctx, s, act, done.Result, err)
	switch {
	case !changed:
	case done.By.ID == 0 && act.Verb == operators.OperatorAdd: // somebody is now
	case done.By.ID == 0:
		a.note("nobody is named as operator: everybody who reaches the database may do this (coffer operator add)")
	case done.Alone:
		a.note("there is no second officer: one person alone did what takes two (coffer operator add --role officer)")
	}
	return errors.Join(shown, err)
}

// showResult shows the result of an act that was done; err is what it ended with. changed: it had an effect.
func (a *app) showResult(ctx context.Context, s *coffer.System, act coffer.Act, result any, err error) (shown error, changed bool) {
	if err != nil && !showable(result, err) {
		return nil, false
	}
	switch r := result.(type) {
	case coffer.WalletDone:
		if act.Verb == operators.Activate || act.Verb == operators.Deactivate {
			return a.showActive(r), r.Changed
		}
		return a.showCreated(r.Wallet, !r.Changed), r.Changed
	case wallet.BatchReport:
		if errors.Is(err, context.Canceled) {
			a.note("interrupted: %d of %d wallets are registered; the same file again finishes it", r.Registered(), len(act.Rows))
		}
		if r.Rows == nil {
			return nil, false
		}
		return a.showBatch(act.Rows, r), r.Count(wallet.BatchCreated) > 0
	case nonce.SyncReport:
		return a.showSync(r), !r.Same
	case coffer.ChainSyncDone:
		if r.Rows == nil {
			return nil, false
		}
		return a.showSyncAll(r)
	case nonce.BatchReport:
		if r.Rows == nil {
			return nil, false
		}
		return a.showSyncs(linesOf(act.Rows), r, false), r.Applied && r.Change > 0
	case []wallet.Wallet:
		return a.showRebound(act.From, act.Device, r), true
	case coffer.PaymentDone:
		return a.showOperated(ctx, s, operations[act.Verb], r.Withdrawal, r.Already), !r.Already
	case coffer.AlarmDone:
		return a.showLifted(r), !r.Already
	case coffer.CacheCleared:
		return a.showCleared(r), true
	case string:
		return a.showAuditKey(r), true
	case withdrawal.Recovery:
		return a.showRecovery(r, err), len(r.Attempts) > 0
	case coffer.RestoreDone:
		return a.showAccepted(r.Report, r.Already), !r.Already
	case coffer.Operator:
		return a.showOperator(act, r), true
	case coffer.SettingsDone:
		return a.showSettled(act, r), !r.Already || len(r.Revoked) > 0
	case coffer.Proposal:
		return a.showWithdrawn(r), true
	}
	return nil, false
}

// showable says whether a part may have been done in spite of an error, so that its result is worth being shown.
func showable(result any, err error) bool {
	switch result.(type) {
	case wallet.BatchReport, nonce.BatchReport, coffer.ChainSyncDone, coffer.CacheCleared, withdrawal.Recovery:
	default:
		return false
	}
	for _, kind := range []error{fault.Partly, fault.Refused, fault.Unreachable, context.Canceled} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func linesOf(rows []operators.Row) []int {
	lines := make([]int, len(rows))
	for i, r := range rows {
		lines[i] = r.Line
	}
	return lines
}
