package coffer

import (
	"context"
	"errors"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// syncJob asks the nodes about one wallet; its result is a nonce.SyncReport.
func (s *System) syncJob(ctx context.Context, act Act, by By) (job, error) {
	if act.FromChain == (act.Nonce != nil) {
		return job{}, fault.New(fault.Usage, "bad_act", "coffer sync --help", "a sync has either a nonce or from_chain")
	}
	call := nonce.SyncCall{Address: act.Address, ChainID: *act.ChainID, To: orZero(act.Nonce), FromChain: act.FromChain, Force: act.Force, Reason: by.Reason}
	w, err := s.Wallets.Find(ctx, call.Address, call.ChainID)
	if err != nil {
		return job{}, err
	}
	got := s.CountsOf(ctx, []wallet.Wallet{w})[0]
	switch unknown := got.Unknown(); {
	case unknown == nil:
		call.Latest = &got.Count.Latest
		if call.FromChain {
			call.To = got.Count.Latest
		}
	case call.FromChain || got.Configured && got.Err != nil && !call.Force:
		call.Doubt = unknown
	case got.Configured && !call.Force:
		call.Doubt = fault.Wrap(unknown, nil, fault.Code(unknown), fmt.Sprintf("say it again in a moment, or coffer sync %s %d %d --force --reason TEXT", call.Address, call.ChainID, call.To),
			"sync to %d is refused", call.To)
	}
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]operators.Change, error) {
			return syncPreview(ctx, r, []nonce.SyncCall{call})
		},
		do: func(ctx context.Context) (any, error) { return s.Nonces.Sync(ctx, call) },
	}, nil
}

// syncAllJob is about all EVM wallets, or those of one chain; its result is a ChainSyncDone.
func (s *System) syncAllJob(ctx context.Context, act Act, by By) (job, error) {
	all, err := s.Wallets.List(ctx, wallet.Filter{ChainID: act.ChainID})
	if err != nil {
		return job{}, err
	}
	var accounts, others []wallet.Wallet
	for _, w := range all {
		if w.ChainType == wallet.EVM {
			accounts = append(accounts, w)
		} else {
			others = append(others, w)
		}
	}
	if len(accounts) == 0 {
		if len(others) > 0 {
			return job{}, WalletCount{Wallet: others[0]}.Unknown()
		}
		return job{}, fault.New(fault.NotFound, "wallet_not_found", "coffer list", "no wallet matches")
	}
	return job{do: func(ctx context.Context) (any, error) {
		rows, err := s.SyncFromChain(ctx, accounts, by.Reason)
		return ChainSyncDone{Rows: rows, LeftOut: len(others)}, err
	}}, nil
}

// ChainSyncDone is the result of sync_all.
type ChainSyncDone struct {
	Rows    []ChainSyncRow // nil: nothing was done
	LeftOut int            // wallets whose chains count no account nonces
}

// batchSyncJob is about the wallets of a file; its result is a nonce.BatchReport.
func (s *System) batchSyncJob(ctx context.Context, act Act, by By) (job, error) {
	calls := make([]nonce.SyncCall, len(act.Rows))
	for i, r := range act.Rows {
		calls[i] = nonce.SyncCall{Address: r.Address, ChainID: r.ChainID, To: r.Nonce, Reason: by.Reason}
	}
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]operators.Change, error) {
			return syncPreview(ctx, r, calls)
		},
		do: func(ctx context.Context) (any, error) {
			report, err := s.SyncMany(ctx, calls, false)
			if report.Rows == nil && err == nil {
				err = errors.New("nothing became of it")
			}
			return report, err
		},
	}, nil
}
