package withdrawal

import (
	"context"
	"errors"
	"math/big"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/nonce"
)

// bind is the way in: what is queued is vetted and given a wallet and a nonce; what has its nonce is asked for; and what no
// payment took is filled. The three are one step, because what a wallet can still spend must not change between them.
func (l *lane) bind(ctx context.Context) (again bool, err error) {
	d, err := l.demand(ctx)
	if err != nil {
		return false, err
	}
	if err := l.lapse(ctx, d.lapsed); err != nil {
		return false, err
	}
	if l.leases.news(d.wallets) {
		// A wallet that was made a moment ago is somebody's at once.
		if _, err := l.leases.pass(ctx); err != nil {
			return false, err
		}
		return true, nil
	}
	var bound int
	var bindErr error
	if d.pressing() && d.ours() {
		if bound, bindErr = l.admit(ctx, &d); bindErr != nil && d.speaks() {
			l.explain(ctx, d, bindErr)
		}
	}
	asked, askErr := l.ask(ctx)
	// A free nonce below a signed one goes to the next payment. When there is none that can take it, it is filled.
	filled, fillErr := l.fill(ctx, bound == 0 && bindErr == nil)
	if asked+filled > 0 {
		l.wake(stepSign)
	}
	return bound > 0, errors.Join(bindErr, askErr, fillErr)
}

// admit gives wallets and nonces to what is fit to be paid, and says how many got one.
func (l *lane) admit(ctx context.Context, d *demand) (int, error) {
	if len(d.wallets) > 0 {
		if err := l.appraise(ctx, d); err != nil {
			return 0, err
		}
	}
	if d.funds.Wait != "" {
		return 0, l.waitForAll(ctx, d, reasonFees+d.funds.Wait)
	}
	chosen, waits := d.choose(l.setup.MaxUnmined, func(payment string) bool { return l.aside.at(payment, l.now()) },
		func(walletID int64, contract string) (int, bool) {
			return l.throttles.room(throttled{walletID, contract}, l.now())
		})
	if d.speaks() {
		if err := l.note(ctx, waits); err != nil {
			return 0, err
		}
	}
	fit, err := l.vet(ctx, d, chosen)
	if err != nil {
		return 0, err
	}
	return l.give(ctx, d, fit)
}

// reasonFees begins the reason of a payment that waits until fees are below the chain's caps (F30).
const reasonFees = "fees are too high now: "

// waitForAll says why nothing can be bound now beside the first of the queue, and queues again what has no intent yet.
func (l *lane) waitForAll(ctx context.Context, d *demand, reason string) error {
	if !d.speaks() || len(d.queued) == 0 {
		return nil
	}
	return l.note(ctx, []waiting{{d.queued[0], reason}})
}

// give binds the payments, those first that were given a nonce before.
func (l *lane) give(ctx context.Context, d *demand, fit []store.Withdrawal) (int, error) {
	all := append(d.assigned[:len(d.assigned):len(d.assigned)], fit...)
	if len(all) == 0 {
		return 0, nil
	}
	c := nonce.BindCall{ChainType: l.setup.Type, ChainID: l.setup.ID, MaxUnmined: l.setup.MaxUnmined, Purses: map[int64]nonce.Purse{}}
	for id, p := range d.purses {
		if d.mine[id] {
			c.Purses[id] = p
		}
	}
	contracts := make([]string, len(all))
	for i, w := range all {
		contracts[i] = w.Contract
	}
	for i, closed := range l.closed(d, contracts) {
		b := d.binding(all[i])
		b.Except = closed
		c.Payments = append(c.Payments, b)
	}
	if err := l.gate.open(ctx); err != nil {
		return 0, err
	}
	got, err := l.ledger.Bind(ctx, c)
	if err != nil {
		return 0, err
	}
	n := 0
	var waits []store.WithdrawalMove
	for i, b := range got {
		switch w := all[i]; {
		case b.Err == nil && !standing(w):
			n++
			l.throttles.given(throttled{b.Wallet.ID, w.Contract}, l.now())
		case b.Err != nil:
			l.aside.put(w.Payment, l.now())
			waits = append(waits, moveWithdrawal(w.Payment, w.State, store.WithdrawalQueued, "", reasonOf(b.Err)))
		}
	}
	return n, l.move(ctx, waits)
}

// explain writes why nothing can be bound now beside the payment whose turn it is.
func (l *lane) explain(ctx context.Context, d demand, err error) {
	if len(d.queued) == 0 {
		return
	}
	first := d.queued[0]
	if reason := reasonOf(err); first.Reason != reason {
		// If not even that can be written, the log says so: the step's own error names the cause.
		_ = l.move(ctx, []store.WithdrawalMove{moveWithdrawal(first.Payment, first.State, store.WithdrawalQueued, "", reason)})
	}
}

// note writes reasons where they are not there yet.
func (l *lane) note(ctx context.Context, waits []waiting) error {
	var moves []store.WithdrawalMove
	for _, w := range waits {
		if w.row.Reason != w.reason {
			moves = append(moves, moveWithdrawal(w.row.Payment, w.row.State, store.WithdrawalQueued, "", w.reason))
		}
	}
	return l.move(ctx, moves)
}

// move writes moves of withdrawals. Who was moved by somebody else in the meantime is looked at again in the next pass.
func (l *lane) move(ctx context.Context, moves []store.WithdrawalMove) error {
	if len(moves) == 0 {
		return nil
	}
	err := l.db.Update(ctx, func(tx store.Tx) error { return tx.MoveWithdrawals(ctx, moves) })
	if errors.Is(err, store.ErrStale) {
		return nil
	}
	return storefault.Of(err, "note why withdrawals wait")
}

// maxReason is how long a reason can be in the database.
const maxReason = 500

func reasonOf(err error) string {
	reason := err.Error()
	if hint := fault.Hint(err); hint != "" {
		reason += " (" + hint + ")"
	}
	if len(reason) > maxReason {
		reason = reason[:maxReason] + "…"
	}
	return reason
}

// amountOf is a row's amount, which the database holds to be decimal digits.
func amountOf(w store.Withdrawal) *big.Int {
	return integer(w.Amount)
}

// integer reads decimal digits that were written here.
func integer(digits string) *big.Int {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		panic("withdrawal: " + digits + " is no amount")
	}
	return n
}
