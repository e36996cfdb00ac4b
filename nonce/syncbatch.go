package nonce

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// SyncBatch does what Sync does for many wallets, all or none. Every row is judged under the wallets' locks, which are taken
// in id order; then all are written in that one transaction. If a row is refused, its wallet is not there or stands twice, no
// row is applied: the error is fault.Refused, the refusals are recorded, and the report has each row's verdict all the same.
// With dryRun the rows are judged without locks, and nothing is written, not even a refusal.
func (l *Ledger) SyncBatch(ctx context.Context, calls []SyncCall, dryRun bool) (BatchReport, error) {
	b := newSyncBatch(calls)
	var report BatchReport
	var err error
	if dryRun {
		err = l.db.View(ctx, func(r store.Reader) (err error) {
			report, _, err = b.judge(ctx, r, r.Wallets)
			return err
		})
	} else {
		err = l.admin.Update(ctx, func(tx store.Tx) (err error) {
			var verdicts []syncVerdict
			if report, verdicts, err = b.judge(ctx, tx, tx.LockWallets); err != nil {
				return err
			}
			if report.Refused > 0 {
				return tx.Record(ctx, b.refusals(report, l.rules.actor))
			}
			if err := applySyncs(ctx, tx, verdicts); err != nil {
				return err
			}
			return tx.Record(ctx, effects(verdicts, l.rules.actor))
		})
	}
	refusal := report.refusal()
	switch {
	case err == nil && refusal != nil:
		return report, refusal
	case err != nil && refusal != nil:
		return report, unrecorded(refusal, err)
	case err != nil:
		return BatchReport{}, storefault.Of(err, fmt.Sprintf("%s of %d wallets", actionSync, len(calls)))
	}
	report.Applied = !dryRun
	for i := range report.Rows {
		if report.Applied {
			report.Rows[i].Wallet.Nonce = report.Rows[i].After
		}
	}
	return report, nil
}

// JudgeSyncs says what a SyncBatch of the calls would do now, in somebody else's transaction.
func JudgeSyncs(ctx context.Context, r store.Reader, calls []SyncCall) (BatchReport, error) {
	report, _, err := newSyncBatch(calls).judge(ctx, r, r.Wallets)
	return report, err
}

// Refusal is why the calls of a report would not be done, or nil.
func (r BatchReport) Refusal() error { return r.refusal() }

// syncBatch is the calls with what can be said of each before the database is asked.
type syncBatch struct {
	calls []SyncCall
	ids   []identity // zero where the address is none
	twins []int      // the earlier call about the same wallet, or -1
	wrong []error    // nil where the database has to be asked
}

func newSyncBatch(calls []SyncCall) syncBatch {
	b := syncBatch{calls: calls, ids: make([]identity, len(calls)), twins: make([]int, len(calls)), wrong: make([]error, len(calls))}
	first := map[identity]int{}
	for i, c := range calls {
		b.twins[i] = -1
		if b.ids[i], b.wrong[i] = identify(c.Address, c.ChainID); b.wrong[i] != nil {
			continue
		}
		if at, twice := first[b.ids[i]]; twice {
			b.twins[i] = at
			b.wrong[i] = fault.New(fault.Refused, "wallet_twice", "leave one of the two rows out",
				"row %d is about the wallet of row %d: %s", i+1, at+1, b.ids[i])
			continue
		}
		first[b.ids[i]] = i
		b.wrong[i] = c.check()
	}
	return b
}

// WalletsOf are the wallets that calls are about, in their order: zero where there is none, or where a call cannot be right.
func (l *Ledger) WalletsOf(ctx context.Context, calls []SyncCall) ([]wallet.Wallet, error) {
	b := newSyncBatch(calls)
	out := make([]wallet.Wallet, len(calls))
	err := l.db.View(ctx, func(r store.Reader) error {
		ws, rows, err := b.find(ctx, r, r.Wallets)
		for i, w := range ws {
			out[rows[i]] = wallet.FromRow(w)
		}
		return err
	})
	return out, storefault.Of(err, fmt.Sprintf("%s of %d wallets", actionSync, len(calls)))
}

// judge decides over every row; the wallets are read by get, which may lock them. The verdicts are those of the wallets that
// were found, in id order.
func (b syncBatch) judge(
	ctx context.Context, r store.Reader, get func(context.Context, store.WalletFilter) ([]store.Wallet, error),
) (BatchReport, []syncVerdict, error) {
	ws, rows, err := b.find(ctx, r, get)
	if err != nil {
		return BatchReport{}, nil, err
	}
	calls := make([]SyncCall, len(ws))
	for i := range ws {
		calls[i] = b.calls[rows[i]]
	}
	verdicts, err := judgeSyncs(ctx, r, ws, calls)
	if err != nil {
		return BatchReport{}, nil, err
	}
	report := BatchReport{Rows: make([]BatchRow, len(b.calls))}
	for i, c := range b.calls {
		report.Rows[i] = BatchRow{Call: c, Verdict: BatchRefused, Err: b.wrong[i]}
		if b.wrong[i] == nil {
			report.Rows[i].Err = b.ids[i].notFound() // unless it is among the verdicts
		}
	}
	for i, v := range verdicts {
		report.Rows[rows[i]] = v.batchRow()
	}
	for _, row := range report.Rows {
		switch row.Verdict {
		case BatchChange:
			report.Change++
		case BatchSame:
			report.Same++
		default:
			report.Refused++
		}
	}
	return report, verdicts, nil
}

// find reads the wallets of the rows that are not wrong already, and for each its row.
func (b syncBatch) find(
	ctx context.Context, r store.Reader, get func(context.Context, store.WalletFilter) ([]store.Wallet, error),
) ([]store.Wallet, []int, error) {
	var chains []pool
	addresses := map[pool][]string{}
	rowOf := map[identity]int{}
	for i, id := range b.ids {
		if b.wrong[i] == nil {
			if addresses[id.chain] == nil {
				chains = append(chains, id.chain)
			}
			addresses[id.chain] = append(addresses[id.chain], id.address)
			rowOf[id] = i
		}
	}
	ids := []int64{}
	for _, c := range chains { // an index finds the addresses of a chain, none finds addresses alone
		found, err := r.Wallets(ctx, store.WalletFilter{ChainType: c.chainType, ChainID: &c.chainID, Addresses: addresses[c]})
		if err != nil {
			return nil, nil, err
		}
		for _, w := range found {
			ids = append(ids, w.ID)
		}
	}
	ws, err := get(ctx, store.WalletFilter{IDs: ids})
	if err != nil {
		return nil, nil, err
	}
	rows := make([]int, len(ws))
	for i, w := range ws {
		rows[i] = rowOf[identityOf(w)]
	}
	return ws, rows, nil
}

func identityOf(w store.Wallet) identity { return identity{chain: poolOf(w), address: w.Address} }

func (v syncVerdict) batchRow() BatchRow {
	row := BatchRow{
		Call: v.call, Verdict: BatchChange, Err: v.refusal, Wallet: wallet.FromRow(v.wallet), Before: v.wallet.Nonce, After: v.to,
		Externals: v.externals, Dropped: v.dropped,
	}
	switch {
	case v.refusal != nil:
		row.Verdict = BatchRefused
	case v.same:
		row.Verdict = BatchSame
	}
	return row
}

// effects are the audit rows of the wallets that changed.
func effects(verdicts []syncVerdict, actor string) []store.AuditRow {
	var out []store.AuditRow
	for _, v := range verdicts {
		if !v.same {
			row := v.row()
			row.Actor, row.Action, row.Subject, row.Result = actor, actionSync, identityOf(v.wallet).String(), store.ResultDone
			out = append(out, row)
		}
	}
	return out
}

// refusals are the audit rows of the refused rows. One that has no address is not recorded: what stands in its place may be
// a secret.
func (b syncBatch) refusals(report BatchReport, actor string) []store.AuditRow {
	var out []store.AuditRow
	for i, row := range report.Rows {
		if row.Verdict != BatchRefused || b.ids[i] == (identity{}) {
			continue
		}
		a := syncVerdict{wallet: store.Wallet{Nonce: row.Before}, call: row.Call, refusal: row.Err}.row()
		if row.Wallet.ID == 0 {
			a.Before = ""
		}
		a.Actor, a.Action, a.Subject, a.Result, a.Reason = actor, actionSync, b.ids[i].String(), store.ResultRefused, row.Err.Error()
		out = append(out, a)
	}
	return out
}

// RecordDoubts records of calls with a Doubt that they are refused, when the rest of what they belong to is done without them.
// Nodes that do not answer refuse nobody.
func (l *Ledger) RecordDoubts(ctx context.Context, calls []SyncCall) error {
	calls = slices.DeleteFunc(slices.Clone(calls), func(c SyncCall) bool { return !errors.Is(c.Doubt, fault.Refused) })
	if len(calls) == 0 {
		return nil
	}
	b := newSyncBatch(calls)
	report := BatchReport{Rows: make([]BatchRow, len(calls))}
	for i, c := range calls {
		report.Rows[i] = BatchRow{Call: c, Verdict: BatchRefused, Err: c.Doubt}
	}
	err := l.admin.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, b.refusals(report, l.rules.actor)) })
	return storefault.Of(err, "record what was not synced")
}

// refusal is the error of a report with refused rows; the first of them speaks for all.
func (r BatchReport) refusal() error {
	for i, row := range r.Rows {
		if row.Verdict == BatchRefused {
			return fault.Wrap(row.Err, fault.Refused, "batch_refused", fault.Hint(row.Err),
				"nothing is changed, %d of %d rows are refused; row %d", r.Refused, len(r.Rows), i+1)
		}
	}
	return nil
}
