package withdrawal

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// ListFilter selects withdrawals; a zero field selects all.
type ListFilter struct {
	State   string // a state, or an outcome
	ChainID *int64
	Limit   int // 0: all
}

var (
	states   = []string{store.WithdrawalQueued, store.WithdrawalAssigned, store.WithdrawalNeedsReview, store.WithdrawalHeld, store.WithdrawalEnded}
	outcomes = []string{store.OutcomePaid, store.OutcomeFailed, store.OutcomeRefused, store.OutcomeCancelled}
)

// List shows withdrawals, newest first.
func (d *Desk) List(ctx context.Context, f ListFilter) ([]Withdrawal, error) {
	q := store.WithdrawalFilter{ChainID: f.ChainID, Limit: f.Limit, Newest: true}
	switch {
	case f.Limit < 0:
		return nil, fault.New(fault.Usage, "bad_limit", "give how many at most; 0 is all", "limit %d is negative", f.Limit)
	case f.State == "":
	case slices.Contains(states, f.State):
		q.States = []string{f.State}
	case slices.Contains(outcomes, f.State):
		q.Outcomes = []string{f.State}
	default:
		return nil, fault.New(fault.Usage, "bad_state", "use one of "+strings.Join(append(states[:len(states):len(states)], outcomes...), ", "),
			"%q is no state of a withdrawal", clip(f.State))
	}
	var out []Withdrawal
	err := d.db.View(ctx, func(r store.Reader) error {
		rows, err := r.Withdrawals(ctx, q)
		if err != nil {
			return err
		}
		out, err = d.show(ctx, r, rows)
		return err
	})
	return out, storefault.Of(err, "list withdrawals")
}

// Get shows one withdrawal. One that was never accepted is a fault.NotFound.
func (d *Desk) Get(ctx context.Context, payment string) (w Withdrawal, err error) {
	err = d.db.View(ctx, func(r store.Reader) (err error) {
		w, err = d.get(ctx, r, payment)
		return err
	})
	return w, storefault.Of(err, "read withdrawal "+clip(payment))
}

func (d *Desk) get(ctx context.Context, r store.Reader, payment string) (Withdrawal, error) {
	row, err := find(ctx, r, payment)
	if err != nil {
		return Withdrawal{}, err
	}
	ws, err := d.show(ctx, r, []store.Withdrawal{row})
	if err != nil {
		return Withdrawal{}, err
	}
	return ws[0], nil
}

// waitsForFile is what a payment waits for whose machine is asked by files.
const waitsForFile = "its file waits for a signature offline, and for coffer tx import"

// show is rows as callers see them. What is asked of a machine that no network reaches waits for a person with a file.
func (d *Desk) show(ctx context.Context, r store.Reader, rows []store.Withdrawal) ([]Withdrawal, error) {
	all := make([]Withdrawal, len(rows))
	asked := map[int64][]int{} // by wallet
	for i, row := range rows {
		all[i] = d.book.show(row)
		if row.State == store.WithdrawalAssigned && row.Attempt == store.AttemptAsked && row.Reason == "" {
			asked[row.WalletID] = append(asked[row.WalletID], i)
		}
	}
	if len(asked) == 0 {
		return all, nil
	}
	ws, err := r.Wallets(ctx, store.WalletFilter{IDs: slices.Sorted(maps.Keys(asked))})
	for _, w := range ws {
		if t := wallet.Type(w.WalletType); t == wallet.Cold || t == wallet.Vault {
			for _, i := range asked[w.ID] {
				all[i].Reason = waitsForFile
			}
		}
	}
	return all, err
}

// find reads the row of a payment. One that was never accepted is a fault.NotFound.
func find(ctx context.Context, r store.Reader, payment string) (store.Withdrawal, error) {
	rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{payment}})
	if err != nil {
		return store.Withdrawal{}, err
	}
	if len(rows) == 0 {
		return store.Withdrawal{}, fault.New(fault.NotFound, "withdrawal_not_found", "coffer tx list", "no withdrawal %q was accepted", clip(payment))
	}
	return rows[0], nil
}

// Until is how far Wait waits.
type Until string

const (
	Signed Until = "signed" // the signed bytes are on disk
	Mined  Until = "mined"  // in a block
	Final  Until = "final"  // ended
)

// reached says whether nothing more is to be waited for: it is so far, it has ended, or only a person can move it.
func (u Until) reached(w Withdrawal) bool {
	if w.State == store.WithdrawalEnded || w.State == store.WithdrawalNeedsReview || w.State == store.WithdrawalHeld {
		return true
	}
	switch w.attempt {
	case store.AttemptSigned, store.AttemptSent:
		return u == Signed
	case store.AttemptMined, store.AttemptFinal:
		return u == Signed || u == Mined
	}
	return false
}

// Wait looks again every so often until the withdrawal is as far as asked, has ended in whatever way, or waits for a person.
// The end of ctx ends the waiting, and changes nothing about the payment.
func (d *Desk) Wait(ctx context.Context, payment string, until Until, every time.Duration) (Withdrawal, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		w, err := d.Get(ctx, payment)
		if err != nil || until.reached(w) {
			return w, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return w, ctx.Err()
		}
	}
}
