package nonce

import (
	"context"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/wallet"
)

// Sync sets a wallet's cursor to the next nonce to hand out, which says that everything below it is spent.
//
// Upward, the nonces passed over become external: those from the cursor on, and free ones below it. It is refused above
// what the nodes count (unless forced), over reservations (unless the nodes count them as spent, or forced), and over nonces
// that were asked for and are not in a block (unless the nodes count them as spent). Downward is refused unless forced, and
// never goes to or below a nonce that was asked for. Force needs a reason. Nothing overrides an asked nonce.
func (l *Ledger) Sync(ctx context.Context, c SyncCall) (SyncReport, error) {
	if c.Force && c.Reason == "" {
		return SyncReport{}, fault.New(fault.Usage, "reason_needed", "say why: --force --reason TEXT", "sync --force needs a reason")
	}
	if c.To > MaxCursor {
		return SyncReport{}, fault.New(fault.Usage, "nonce_too_high", "give what eth_getTransactionCount \"latest\" returns",
			"%d cannot be a cursor: none goes above %d", c.To, MaxCursor)
	}
	var report SyncReport
	err := l.change(ctx, actionSync, c.Address, c.ChainID, func(tx store.Tx, w store.Wallet) (row store.AuditRow, refusal, err error) {
		f, err := syncFactsOf(ctx, tx, w, c)
		if err != nil {
			return row, nil, err
		}
		row.Before = fmt.Sprintf("cursor %d", w.Nonce)
		row.After = fmt.Sprintf("cursor %d", c.To)
		d, refusal := decideSync(f, c)
		if refusal != nil {
			return row, refusal, nil
		}
		report = SyncReport{Before: w.Nonce, After: c.To, Externals: d.externals, Dropped: d.dropped, Same: d.same}
		if n := len(d.externals); n > 0 {
			report.External = &d.externals[n-1]
		}
		if d.same {
			row = store.AuditRow{}
		} else {
			row.After, row.Reason = d.record(c), c.Reason
			if err := d.apply(ctx, tx, w, c.To); err != nil {
				return row, nil, err
			}
			w.Nonce = c.To
		}
		report.Wallet = wallet.FromRow(w)
		report.Load, err = loadOf(ctx, tx, w.ID)
		return row, nil, err
	})
	if err != nil {
		return SyncReport{}, err
	}
	return report, nil
}

func syncFactsOf(ctx context.Context, r store.Reader, w store.Wallet, c SyncCall) (f syncFacts, err error) {
	f.wallet = w
	if f.load, err = loadOf(ctx, r, w.ID); err != nil {
		return f, err
	}
	if f.now, err = r.Now(ctx); err != nil {
		return f, err
	}
	f.open, err = r.Nonces(ctx, store.NonceFilter{WalletID: w.ID, States: []string{store.NonceFree, store.NonceReserved}})
	if err != nil {
		return f, err
	}
	if c.To < w.Nonce {
		f.used, err = r.Nonces(ctx, store.NonceFilter{WalletID: w.ID, States: []string{store.NonceUsed}, From: c.To})
		if err != nil {
			return f, err
		}
	}
	f.attempts, err = r.Attempts(ctx, store.AttemptFilter{
		WalletID: w.ID, States: []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined},
	})
	return f, err
}

// apply writes the decision.
func (d syncDecision) apply(ctx context.Context, tx store.Tx, w store.Wallet, to uint64) error {
	for _, e := range d.externals {
		if err := tx.AddExternal(ctx, e); err != nil {
			return err
		}
	}
	if to < w.Nonce {
		if err := tx.DropNonces(ctx, w.ID, to); err != nil {
			return err
		}
		if err := tx.TrimExternals(ctx, w.ID, to); err != nil {
			return err
		}
	}
	if to == w.Nonce {
		return nil
	}
	return tx.MoveCursor(ctx, w.ID, w.Nonce, to)
}
