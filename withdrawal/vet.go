package withdrawal

import (
	"context"
	"errors"
	"maps"
	"math/big"
	"slices"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// vet looks at payments before a nonce is bound to them, and gives those that can be paid. What never can is refused here,
// where that costs nothing (F18, F38). What no node can judge now is set aside, and the others go on.
func (l *lane) vet(ctx context.Context, d *demand, chosen []store.Withdrawal) (fit []store.Withdrawal, err error) {
	if len(d.wallets) == 0 {
		return chosen, nil
	}
	own, err := l.toOwn(ctx, chosen)
	if err != nil {
		return nil, err
	}
	opinions := l.opinions(ctx, d, chosen)
	var refused, unclear []waiting
	for _, w := range chosen {
		switch o := opinions[w.Payment]; {
		case own[w.Payment]:
			refused = append(refused, waiting{w, reasonOwn})
		case o.err != nil:
			unclear = append(unclear, waiting{w, reasonOf(o.err)})
		case o.refusal != "":
			refused = append(refused, waiting{w, o.refusal})
		default:
			fit = append(fit, w)
		}
	}
	for _, w := range unclear {
		l.aside.put(w.row.Payment, l.now())
	}
	return fit, errors.Join(l.note(ctx, unclear), l.refuse(ctx, refused))
}

// toOwn finds the payments to a wallet that is the exchange's own by now: it may have been registered after they were accepted.
func (l *lane) toOwn(ctx context.Context, rows []store.Withdrawal) (map[string]bool, error) {
	all := make([]recipient, len(rows))
	for i, w := range rows {
		all[i] = recipient{w.ChainType, w.ChainID, w.To}
	}
	own := map[string]bool{}
	err := l.db.View(ctx, func(r store.Reader) error {
		found, err := ownWallets(ctx, r, all)
		for i, w := range rows {
			own[w.Payment] = found[all[i]]
		}
		return err
	})
	return own, storefault.Of(err, "read the wallets of the recipients")
}

// opinion is what the nodes say of a payment.
type opinion struct {
	refusal string
	err     error
}

// opinions asks about each asset's payments as if the wallet paid them that has the most of it.
func (l *lane) opinions(ctx context.Context, d *demand, rows []store.Withdrawal) map[string]opinion {
	payments := map[string][]chain.Payment{}
	for _, w := range rows {
		payments[w.Contract] = append(payments[w.Contract], chain.Payment{ID: w.Payment, To: w.To, Contract: w.Contract, Amount: amountOf(w)})
	}
	all := make(map[string]opinion, len(rows))
	for _, contract := range slices.Sorted(maps.Keys(payments)) { // always in one order, so that a simulation replays exactly
		ps := payments[contract]
		payer := d.richest(contract)
		verdicts, errs := apart(ps, func(some []chain.Payment) ([]chain.Vetted, error) { return l.chain.Vet(ctx, payer, some) })
		for i, p := range ps {
			all[p.ID] = opinion{verdicts[i].Refusal, errs[i]}
		}
	}
	return all
}

// refuse ends payments that can never be paid. No nonce was bound to them.
func (l *lane) refuse(ctx context.Context, refused []waiting) error {
	if len(refused) == 0 {
		return nil
	}
	moves := make([]store.WithdrawalMove, len(refused))
	audit := make([]store.AuditRow, len(refused))
	for i, w := range refused {
		moves[i] = moveWithdrawal(w.row.Payment, w.row.State, store.WithdrawalEnded, store.OutcomeRefused, w.reason)
		audit[i] = store.AuditRow{
			Action: actionEnd, Subject: w.row.Payment, Before: w.row.State, After: store.OutcomeRefused, Result: store.ResultDone, Reason: w.reason,
		}
	}
	err := l.db.Update(ctx, func(tx store.Tx) error {
		if err := tx.MoveWithdrawals(ctx, moves); err != nil {
			return err
		}
		return record(ctx, tx, l.actor, audit)
	})
	if errors.Is(err, store.ErrStale) {
		return nil // somebody else moved one: all are looked at again
	}
	if err != nil {
		return storefault.Of(err, "refuse withdrawals")
	}
	of := map[string]store.Withdrawal{}
	for _, w := range refused {
		of[w.row.Payment] = w.row
	}
	l.observeEnds(moves, of)
	return nil
}

// richest is the wallet with the most of a token, or of the coin: a payment is tried as if it paid.
func (d demand) richest(contract string) string {
	var most *big.Int
	payer := d.wallets[0].Address
	for _, w := range d.wallets {
		has := d.purses[w.ID].Native
		if contract != "" {
			has = d.purses[w.ID].Tokens[contract]
		}
		if has != nil && (most == nil || has.Cmp(most) > 0) {
			most, payer = has, w.Address
		}
	}
	return payer
}
