package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// ask completes an intent for every payment that has its nonce, and writes it down as asked. From then on the payment stays
// with this nonce, and the nonce with this payment. It says how many it asked.
func (l *lane) ask(ctx context.Context) (int, error) {
	var rows []store.Withdrawal
	var now time.Time
	err := l.db.View(ctx, func(r store.Reader) (err error) {
		if now, err = r.Now(ctx); err != nil {
			return err
		}
		rows, err = r.Withdrawals(ctx, l.withdrawals(store.WithdrawalAssigned))
		return err
	})
	if err != nil {
		return 0, storefault.Of(err, "read what has its nonce")
	}
	var late []waiting
	rows = slices.DeleteFunc(rows, func(w store.Withdrawal) bool {
		if !standing(w) || !l.leases.has(w.WalletID) {
			return true
		}
		why := unauthorized(w, now)
		if why != "" {
			late = append(late, waiting{w, why})
		}
		return why != ""
	})
	if err := l.giveBack(ctx, late); err != nil {
		return 0, err
	}
	asked := 0
	for some := range slices.Chunk(rows, askAtOnce) {
		n, err := l.askSome(ctx, some)
		if asked += n; err != nil {
			return asked, err
		}
	}
	return asked, nil
}

// askAtOnce is how many are asked for in one transaction.
const askAtOnce = 256

func (l *lane) askSome(ctx context.Context, rows []store.Withdrawal) (int, error) {
	ledger, err := ledgerID(ctx, l.db)
	if err != nil {
		return 0, err
	}
	orders := make([]chain.Order, len(rows))
	for i, w := range rows {
		orders[i] = chain.Order{
			Ledger: ledger, Purpose: signing.PurposePayment, ChainID: w.ChainID, From: w.Address, Nonce: *w.Nonce,
			Payment: chain.Payment{ID: w.Payment, To: w.To, Contract: w.Contract, Amount: amountOf(w)},
			FeeCap:  feeCap(w),
		}
	}
	drafts, errs := apart(orders, func(some []chain.Order) ([]chain.Drafted, error) { return l.chain.Draft(ctx, some) })
	if err := nobody(errs); err != nil {
		return 0, err
	}
	var asks []store.Ask
	var accepted []time.Time
	var unclear []waiting
	for i, w := range rows {
		switch {
		case errs[i] != nil:
			unclear = append(unclear, waiting{w, reasonOf(errs[i])})
		case drafts[i].Wait != "":
			unclear = append(unclear, waiting{w, reasonFees + drafts[i].Wait})
		default:
			asks = append(asks, askOf(w.WalletID, w.Fence, drafts[i].Intent, w.Request, w.Row))
			accepted = append(accepted, w.CreatedAt)
		}
	}
	for _, w := range unclear {
		l.aside.put(w.row.Payment, l.now())
	}
	if err := l.giveBack(ctx, unclear); err != nil {
		return 0, err
	}
	n, err := l.write(ctx, nil, asks)
	if n == len(asks) { // else it is not known here which of them
		for _, at := range accepted {
			l.reached(StageAsked, at)
		}
	}
	return n, err
}

// askOf is the row of an intent; request is empty for a gap fill.
func askOf(walletID, fence int64, intent signing.Intent, request string, row int) store.Ask {
	return store.Ask{
		WalletID: walletID, Nonce: intent.Nonce, Fence: fence, Payment: intent.Payment, Request: request, Row: row,
		Purpose: string(intent.Purpose), Digest: intent.Digest().String(), Intent: intent.Canonical(),
	}
}

// write writes asks in one transaction, with one audit row. An ask whose nonce is not its own any more writes nothing: its
// payment is bound again in the next pass (F21). What takes a lease names the wallets.
func (l *lane) write(ctx context.Context, leased []int64, asks []store.Ask) (n int, err error) {
	if len(asks) == 0 {
		return 0, nil
	}
	if err := l.gate.open(ctx); err != nil {
		return 0, err
	}
	err = l.update(ctx, leased, func(tx store.Tx) error {
		ids, err := tx.Ask(ctx, asks)
		if err != nil {
			return err
		}
		var done []store.Ask
		for i, id := range ids {
			if id != 0 {
				done = append(done, asks[i])
			}
		}
		if n = len(done); n == 0 {
			return nil
		}
		return record(ctx, tx, l.actor, []store.AuditRow{{
			Action: actionAsk, Subject: l.batch(n, "intent"), After: askedNonces(done), Result: store.ResultDone,
		}})
	})
	return n, storefault.Of(err, "write down what is asked for")
}

func walletsAsked(asks []store.Ask) []int64 {
	ids := make([]int64, len(asks))
	for i, a := range asks {
		ids[i] = a.WalletID
	}
	return ids
}

// batch names many things of this lane in an audit row.
func (l *lane) batch(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%s:%d %d %s", l.setup.Type, l.setup.ID, n, what)
}

// askedNonces lists nonces by wallet.
func askedNonces(asks []store.Ask) string {
	by := map[int64][]string{}
	for _, a := range asks {
		by[a.WalletID] = append(by[a.WalletID], fmt.Sprint(a.Nonce))
	}
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("wallet %d: %s", id, strings.Join(by[id], " ")))
	}
	return strings.Join(parts, "; ")
}

// giveBack frees the nonces of payments for which no intent can be made now though it can for others: their nonces are the
// lowest, and would hold up all those above. The payments are queued again.
func (l *lane) giveBack(ctx context.Context, unclear []waiting) error {
	for _, w := range unclear {
		err := l.db.Update(ctx, func(tx store.Tx) error {
			if err := tx.Release(ctx, w.row.WalletID, *w.row.Nonce, w.row.Fence); err != nil {
				return err
			}
			if err := tx.MoveWithdrawals(ctx, []store.WithdrawalMove{
				moveWithdrawal(w.row.Payment, w.row.State, store.WithdrawalQueued, "", w.reason),
			}); err != nil {
				return err
			}
			return record(ctx, tx, l.actor, []store.AuditRow{{
				Action: actionQueue, Subject: w.row.Payment, Before: fmt.Sprintf("nonce %d of wallet %d", *w.row.Nonce, w.row.WalletID),
				After: store.WithdrawalQueued, Result: store.ResultDone, Reason: w.reason,
			}})
		})
		if err != nil && !errors.Is(err, store.ErrStale) {
			return storefault.Of(err, "give back the nonce of withdrawal "+w.row.Payment)
		}
	}
	return nil
}
