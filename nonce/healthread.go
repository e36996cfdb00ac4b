package nonce

import (
	"context"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// healthRows is how many rows of a wallet are looked at from the chain's count on.
const healthRows = 1000

// HealthCall asks about a wallet. The chain must have been counted before: what was signed in between is in the ledger then,
// and a count that is older than the ledger accuses nobody.
type HealthCall struct {
	Wallet wallet.Wallet // as the registry has it; its cursor is read again
	Count  HealthCount
}

// Health judges wallets, in order, all on one snapshot. It writes nothing.
func (l *Ledger) Health(ctx context.Context, calls []HealthCall) ([]Health, error) {
	for _, c := range calls {
		if c.Count.Told && c.Wallet.ChainType != wallet.EVM {
			return nil, fault.New(fault.Refused, "no_account_nonce", "leave CHAIN_NONCE out",
				"wallet %s has no account nonce: its nonce is coffer's own sequence number, which cannot be compared with the chain's", c.Wallet)
		}
		if c.Count.Latest > MaxCursor {
			return nil, fault.New(fault.Usage, "nonce_too_high", "give what eth_getTransactionCount \"latest\" returns",
				"%d cannot be an account's count: none goes above %d", c.Count.Latest, MaxCursor)
		}
	}
	var out []Health
	err := l.db.View(ctx, func(r store.Reader) error {
		facts, err := healthFactsOf(ctx, r, calls)
		if err != nil {
			return err
		}
		out = make([]Health, len(facts))
		for i, f := range facts {
			out[i] = judgeHealth(f)
		}
		return nil
	})
	return out, storefault.Of(err, "judge wallets")
}

// healthFactsOf reads what is judged, in a few queries for all wallets.
func healthFactsOf(ctx context.Context, r store.Reader, calls []HealthCall) ([]healthFacts, error) {
	ids := make([]int64, len(calls))
	for i, c := range calls {
		ids[i] = c.Wallet.ID
	}
	now, err := r.Now(ctx)
	if err != nil {
		return nil, err
	}
	ws, err := r.Wallets(ctx, store.WalletFilter{IDs: ids})
	if err != nil {
		return nil, err
	}
	rows := make(map[int64]store.Wallet, len(ws))
	for _, w := range ws {
		rows[w.ID] = w
	}
	facts := make([]healthFacts, len(calls))
	of := make(map[int64]*healthFacts, len(calls))
	var wants []store.FrontWant
	for i, c := range calls {
		w, ok := rows[c.Wallet.ID]
		if !ok {
			return nil, fault.New(fault.NotFound, "wallet_not_found", "coffer list", "no wallet %s", c.Wallet)
		}
		facts[i] = healthFacts{now: now, wallet: w, load: store.Load{WalletID: w.ID}, count: c.Count}
		of[w.ID] = &facts[i]
		if c.Wallet.ChainType == wallet.EVM && c.Count.Err == nil && c.Count.Agreed {
			wants = append(wants, store.FrontWant{WalletID: w.ID, From: c.Count.Latest})
		}
	}
	loads, err := loadsOf(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	for _, l := range loads {
		of[l.WalletID].load = l
	}
	fronts, err := r.Fronts(ctx, wants, healthRows)
	if err != nil {
		return nil, err
	}
	for _, front := range fronts {
		f := of[front.WalletID]
		f.front, f.all = front, len(front.Slots) < healthRows
	}
	return facts, nil
}
