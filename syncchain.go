package coffer

import (
	"context"
	"errors"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// ChainSyncRow is what became of one wallet in SyncFromChain.
type ChainSyncRow struct {
	Wallet        wallet.Wallet // with the cursor that it has now
	Before, After uint64        // the cursor
	Changed       bool
	Externals     []store.External // what the chain has spent and the ledger did not know, lowest first
	Dropped       []store.Nonce    // reservations that ended, with the request ids that had them
	Err           error            // why the wallet was not judged, and is as it was
}

// SyncFromChain raises the cursors of EVM wallets to what their nodes agree on, all in one transaction. A count below a cursor
// lowers nothing. A wallet whose nodes do not agree, do not answer or are not configured is not judged: its row says why, and
// the others are done all the same. The error is then fault.Partly; it is fault.Unreachable if no node answered at all.
func (s *System) SyncFromChain(ctx context.Context, ws []wallet.Wallet, reason string) ([]ChainSyncRow, error) {
	rows := make([]ChainSyncRow, len(ws))
	var calls, doubts []nonce.SyncCall
	var places []int
	for i, c := range s.CountsOf(ctx, ws) {
		rows[i] = ChainSyncRow{Wallet: c.Wallet, Before: c.Wallet.Nonce, After: c.Wallet.Nonce, Err: c.Unknown()}
		call := nonce.SyncCall{
			Address: c.Wallet.Address, ChainID: c.Wallet.ChainID, To: c.Count.Latest, FromChain: true, Reason: reason, Doubt: rows[i].Err,
		}
		if call.Doubt != nil {
			doubts = append(doubts, call)
			continue
		}
		places, calls = append(places, i), append(calls, call)
	}
	report, err := s.Nonces.SyncBatch(ctx, calls, false)
	if err != nil {
		return nil, err
	}
	for k, i := range places {
		r := report.Rows[k]
		rows[i] = ChainSyncRow{
			Wallet: r.Wallet, Before: r.Before, After: r.After, Changed: r.Verdict == nonce.BatchChange, Externals: r.Externals, Dropped: r.Dropped,
		}
	}
	if err := s.Nonces.RecordDoubts(ctx, doubts); err != nil {
		return rows, err
	}
	return rows, unjudged(rows)
}

// unjudged is the error of rows of which some were not judged.
func unjudged(rows []ChainSyncRow) error {
	var first, silent error
	failed, answered := 0, false
	for _, r := range rows {
		switch {
		case r.Err == nil:
			answered = true
			continue
		case errors.Is(r.Err, fault.Unreachable):
			if silent == nil {
				silent = r.Err
			}
		case fault.Code(r.Err) == codeDisagree:
			answered = true
		}
		failed++
		if first == nil {
			first = r.Err
		}
	}
	switch {
	case first == nil:
		return nil
	case !answered && silent != nil:
		return silent
	case !answered:
		return first
	}
	return fault.Wrap(first, fault.Partly, "not_judged", fault.Hint(first),
		"%d of %d wallets were not judged and are as they were; the first", failed, len(rows))
}

const codeDisagree = "nodes_disagree"

// Unknown is why nothing can be concluded from a count, or nil.
func (c WalletCount) Unknown() error {
	w := c.Wallet
	byHand := fmt.Sprintf("coffer sync %s %d NONCE", w.Address, w.ChainID)
	switch {
	case w.ChainType != wallet.EVM:
		return fault.New(fault.Refused, "no_account_nonce", byHand+" sets the number itself",
			"wallet %s has no account nonce: its nonce is coffer's own sequence number, which no node counts", w)
	case !c.Configured:
		return fault.New(fault.Refused, "no_node", fmt.Sprintf("set rpc of [chain.evm.%d] in coffer.toml, or say the number: %s", w.ChainID, byHand),
			"chain %s %d has no node in coffer.toml", w.ChainType, w.ChainID)
	case c.Err != nil:
		return c.Err
	case !c.Count.Agreed:
		return fault.New(fault.Refused, codeDisagree, "say it again in a moment; if it stays so, one of the nodes is behind or wrong",
			"the nodes do not agree on the next nonce: %s", c.Count.Doubt)
	}
	return nil
}
