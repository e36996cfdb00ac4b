package nonce

import (
	"context"
	"errors"
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
//
// With FromChain the count only raises a floor: free and reserved nonces below it become external, the cursor goes up to it
// or stays.
func (l *Ledger) Sync(ctx context.Context, c SyncCall) (SyncReport, error) {
	if err := c.check(); err != nil && (err != c.Doubt || !errors.Is(err, fault.Refused)) {
		return SyncReport{}, err
	}
	var report SyncReport
	err := l.change(ctx, l.admin, actionSync, c.Address, c.ChainID, func(tx store.Tx, w store.Wallet) (row store.AuditRow, refusal, err error) {
		if c.Doubt != nil { // a refusal: it is recorded
			return syncVerdict{wallet: w, call: c, refusal: c.Doubt}.row(), c.Doubt, nil
		}
		verdicts, err := judgeSyncs(ctx, tx, []store.Wallet{w}, []SyncCall{c})
		if err != nil {
			return row, nil, err
		}
		v := verdicts[0]
		report = SyncReport{Before: w.Nonce, After: v.to, Externals: v.externals, Dropped: v.dropped, Same: v.same}
		if n := len(v.externals); n > 0 {
			report.External = &v.externals[n-1]
		}
		if v.refusal != nil || !v.same {
			row = v.row()
		}
		if v.refusal != nil {
			return row, v.refusal, nil
		}
		if err := applySyncs(ctx, tx, verdicts); err != nil {
			return row, nil, err
		}
		w.Nonce = v.to
		report.Wallet = wallet.FromRow(w)
		report.Load, err = loadOf(ctx, tx, w.ID)
		return row, nil, err
	})
	if err != nil {
		return SyncReport{}, err
	}
	return report, nil
}

// check refuses what cannot be right whatever the wallet is.
func (c SyncCall) check() error {
	switch {
	case c.Force && c.Reason == "":
		return fault.New(fault.Usage, "reason_needed", "say why: --force --reason TEXT", "sync --force needs a reason")
	case c.Force && c.FromChain:
		return fault.New(fault.Usage, "usage", "leave one of them out", "sync takes either what the chain counts or --force, not both")
	case c.To > MaxCursor:
		return fault.New(fault.Usage, "nonce_too_high", "give what eth_getTransactionCount \"latest\" returns",
			"%d cannot be a cursor: none goes above %d", c.To, MaxCursor)
	}
	return c.Doubt
}

// syncVerdict is what a sync of a wallet comes to: a decision, or a refusal.
type syncVerdict struct {
	syncDecision
	wallet  store.Wallet // as it was
	call    SyncCall
	refusal error
}

// judgeSyncs decides over syncs of wallets, each of another one, in a few queries for all of them.
func judgeSyncs(ctx context.Context, r store.Reader, ws []store.Wallet, cs []SyncCall) ([]syncVerdict, error) {
	facts, err := syncFactsOf(ctx, r, ws, cs)
	if err != nil {
		return nil, err
	}
	out := make([]syncVerdict, len(ws))
	var refused []int64
	for i, f := range facts {
		out[i] = syncVerdict{wallet: ws[i], call: cs[i]}
		if out[i].syncDecision, out[i].refusal = decideSync(f, cs[i]); out[i].refusal != nil {
			refused = append(refused, ws[i].ID)
		}
	}
	if refused == nil {
		return out, nil
	}
	// Only a refusal shows what is in flight, by state.
	attempts, err := r.Attempts(ctx, store.AttemptFilter{
		WalletIDs: refused, States: []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined},
	})
	if err != nil {
		return nil, err
	}
	of := map[int64][]store.Attempt{}
	for _, a := range attempts {
		of[a.WalletID] = append(of[a.WalletID], a)
	}
	for i, f := range facts {
		if out[i].refusal != nil {
			f.attempts = of[ws[i].ID]
			out[i].syncDecision, out[i].refusal = decideSync(f, cs[i])
		}
	}
	return out, nil
}

// syncFactsOf reads all but the attempts.
func syncFactsOf(ctx context.Context, r store.Reader, ws []store.Wallet, cs []SyncCall) ([]syncFacts, error) {
	ids := make([]int64, len(ws))
	facts := make([]syncFacts, len(ws))
	of := make(map[int64]*syncFacts, len(ws))
	for i, w := range ws {
		ids[i], of[w.ID] = w.ID, &facts[i]
	}
	now, err := r.Now(ctx)
	if err != nil {
		return nil, err
	}
	loads, err := r.Loads(ctx, ids)
	if err != nil {
		return nil, err
	}
	open, err := r.Nonces(ctx, store.NonceFilter{WalletIDs: ids, States: []string{store.NonceFree, store.NonceReserved}})
	if err != nil {
		return nil, err
	}
	for i, w := range ws {
		facts[i].now, facts[i].wallet = now, w
		if cs[i].FromChain || cs[i].To >= w.Nonce {
			continue
		}
		used, err := r.Nonces(ctx, store.NonceFilter{
			WalletID: w.ID, States: []string{store.NonceUsed}, From: cs[i].To, Highest: true, Limit: 1,
		})
		if err != nil {
			return nil, err
		}
		if len(used) > 0 {
			facts[i].used = &used[0].Nonce
		}
	}
	for _, l := range loads {
		of[l.WalletID].load = l
	}
	for _, n := range open {
		of[n.WalletID].open = append(of[n.WalletID].open, n)
	}
	return facts, nil
}

// row is the audit row of the verdict, without who did it to what.
func (v syncVerdict) row() store.AuditRow {
	row := store.AuditRow{Before: fmt.Sprintf("cursor %d", v.wallet.Nonce), After: fmt.Sprintf("cursor %d", v.call.To)}
	if v.call.FromChain && v.call.Doubt != nil {
		row.After = "cursor from the chain"
	}
	if v.refusal == nil {
		row.After, row.Reason = v.record(v.call), v.call.Reason
	}
	return row
}

// applySyncs writes decisions, of which none may be a refusal.
func applySyncs(ctx context.Context, tx store.Tx, verdicts []syncVerdict) error {
	var externals []store.External
	var moves []store.CursorMove
	for _, v := range verdicts {
		externals = append(externals, v.externals...)
		if v.to != v.wallet.Nonce {
			moves = append(moves, store.CursorMove{WalletID: v.wallet.ID, From: v.wallet.Nonce, To: v.to})
		}
		if v.to >= v.wallet.Nonce {
			continue
		}
		if err := tx.DropNonces(ctx, v.wallet.ID, v.to); err != nil {
			return err
		}
		if err := tx.TrimExternals(ctx, v.wallet.ID, v.to); err != nil {
			return err
		}
	}
	if err := tx.AddExternals(ctx, externals); err != nil {
		return err
	}
	return tx.MoveCursors(ctx, moves)
}
