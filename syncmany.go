package coffer

import (
	"context"
	"errors"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// SyncMany sets the cursors of many wallets, all or none, under the rules of Nonces.Sync. Where a chain has nodes they are asked,
// in a few requests, and each number is held against what they agree on. A wallet whose nodes do not agree or do not answer is
// refused, and so the whole batch is: fault.Refused, or fault.Unreachable if nothing but that stands in the way. The report has
// every row's verdict.
func (s *System) SyncMany(ctx context.Context, calls []nonce.SyncCall, dryRun bool) (nonce.BatchReport, error) {
	calls = slices.Clone(calls)
	found, err := s.Nonces.WalletsOf(ctx, calls)
	if err != nil {
		return nonce.BatchReport{}, err
	}
	var ws []wallet.Wallet
	var places []int
	for i, w := range found {
		if w.ID != 0 {
			ws, places = append(ws, w), append(places, i)
		}
	}
	for k, c := range s.CountsOf(ctx, ws) {
		if !c.Configured {
			continue
		}
		if unknown := c.Unknown(); unknown != nil {
			calls[places[k]].Doubt = unknown
			continue
		}
		calls[places[k]].Latest = &c.Count.Latest
	}
	report, err := s.Nonces.SyncBatch(ctx, calls, dryRun)
	if silent := onlySilence(report); silent != nil {
		return report, fault.Wrap(errors.New(silent.Error()), fault.Unreachable, fault.Code(silent), fault.Hint(silent),
			"nothing is changed, %d of %d rows cannot be judged; the first", report.Refused, len(report.Rows))
	}
	return report, err
}

// onlySilence is the first reason why rows are refused, if all of them are because their nodes do not answer.
func onlySilence(report nonce.BatchReport) error {
	var first error
	for _, row := range report.Rows {
		switch {
		case row.Err == nil:
			continue
		case !errors.Is(row.Err, fault.Unreachable):
			return nil
		case first == nil:
			first = row.Err
		}
	}
	return first
}
