package restore

import (
	"context"
	"fmt"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

const actionRelease = "nonce.release"

// nonces classes what is reserved and neither journaled nor on the chain. Where a signing machine that was compared holds the key nothing is
// signed, so it is free. Where the key signs unseen, a person has to look.
func (e *examination) nonces(ctx context.Context) error {
	ws, err := e.wallets(ctx)
	if err != nil {
		return err
	}
	for _, w := range ws {
		class := e.free
		if w.Device == "" || w.Device != e.device && !e.compared(w.Device) {
			class = e.review
		}
		err := e.o.DB.Update(ctx, func(tx store.Tx) error {
			locked, err := tx.LockWallets(ctx, store.WalletFilter{IDs: []int64{w.ID}})
			if err != nil {
				return err
			}
			reserved, err := tx.Nonces(ctx, store.NonceFilter{WalletID: w.ID, States: []string{store.NonceReserved}})
			if err != nil {
				return err
			}
			return class(ctx, tx, locked[0], reserved)
		})
		if err != nil {
			return storefault.Of(err, "class the nonces of wallet "+w.Address)
		}
	}
	return nil
}

func (e *examination) free(ctx context.Context, tx store.Tx, w store.Wallet, reserved []store.Nonce) error {
	if len(reserved) == 0 {
		return nil
	}
	ds := make([]store.Difference, len(reserved))
	for i, n := range reserved {
		if err := tx.Release(ctx, n.WalletID, n.Nonce, n.Fence); err != nil {
			return err
		}
		ds[i] = ofNonce(NonceFreed, w, n.Nonce, "reserved by request %s in the backup, and not signed", n.Request)
	}
	if err := tx.NoteDifferences(ctx, e.restore.ID, ds); err != nil {
		return err
	}
	return tx.Record(ctx, []store.AuditRow{{
		Actor: e.o.Actor, Action: actionRelease, Subject: nameOf(w.ChainType, w.ChainID, w.Address), Result: store.ResultDone,
		After: fmt.Sprintf("%d reservations of the backup are free", len(reserved)), Reason: "the ledger was restored",
	}})
}

// review leaves reservations as they are: who has one may have signed. The wallet gives no nonce before a person has asked whoever signs.
func (e *examination) review(ctx context.Context, tx store.Tx, w store.Wallet, reserved []store.Nonce) error {
	ds := []store.Difference{ofNonce(NonceReview, w, w.Nonce, "its key signs elsewhere: nonces from here on may have been given since the backup")}
	for _, n := range reserved {
		ds = append(ds, ofNonce(NonceReview, w, n.Nonce, "reserved by request %s in the backup: it may have been signed elsewhere since, or released", n.Request))
	}
	e.reviews[w.ID] = ds // a transaction may run again
	return withdrawal.RaiseNoncesUnknown(ctx, tx, w, e.restore.TakenAt, e.o.Actor)
}

// finish finds out what differs in the end, and writes it down as the result.
func (e *examination) finish(ctx context.Context) error {
	err := e.o.DB.Update(ctx, func(tx store.Tx) error {
		ds, err := e.result(ctx, tx)
		if err != nil {
			return err
		}
		if err := tx.DropDifferences(ctx, e.restore.ID, recomputed); err != nil {
			return err
		}
		for _, of := range e.reviews {
			ds = append(ds, of...)
		}
		if err := tx.NoteDifferences(ctx, e.restore.ID, append(ds, e.found...)); err != nil {
			return err
		}
		if err := tx.FinishExamination(ctx, e.restore.ID); err != nil {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{{
			Actor: e.o.Actor, Action: actionExamine, Subject: subjectOf(e.restore.ID), Result: store.ResultDone,
			After: fmt.Sprintf("compared with signing machine and chain; %d things could not be settled", len(e.found)),
		}})
	})
	return storefault.Of(err, "write down what differs")
}

// result is what can be read from the ledger itself.
func (e *examination) result(ctx context.Context, r store.Reader) (ds []store.Difference, err error) {
	ws, err := r.Wallets(ctx, store.WalletFilter{})
	if err != nil {
		return nil, err
	}
	for _, w := range ws {
		of, err := e.ofOne(ctx, r, w)
		if err != nil {
			return nil, err
		}
		ds = append(ds, of...)
	}
	f := store.WithdrawalFilter{States: []string{store.WithdrawalHeld}, Limit: 1000}
	for {
		held, err := r.Withdrawals(ctx, f)
		if err != nil || len(held) == 0 {
			return ds, err
		}
		for _, w := range held {
			ds = append(ds, store.Difference{
				Kind: WithdrawalHeld, Subject: w.Payment, ChainType: w.ChainType, ChainID: w.ChainID, Payment: w.Payment,
				Detail: fmt.Sprintf("%s base units of %q to %s; accepted at %s", w.Amount, w.Asset, w.To, stamp(w.CreatedAt)),
			})
		}
		f.AfterSeq = held[len(held)-1].Seq
	}
}

// ofOne is what differs in a wallet: cursor, gaps above the backup's cursor, and what the chain has spent.
func (e *examination) ofOne(ctx context.Context, r store.Reader, w store.Wallet) (ds []store.Difference, err error) {
	was, there := e.restore.Cursors[w.ID]
	if there && w.Nonce > was {
		ds = append(ds, ofWallet(CursorRaised, w, "from %d to %d", was, w.Nonce))
	}
	externals, err := r.Externals(ctx, w.ID)
	if err != nil {
		return nil, err
	}
	for _, x := range externals {
		if x.Evidence != "chain" || x.At.Before(e.restore.At) {
			continue
		}
		if x.From == x.To {
			ds = append(ds, ofNonce(ExternalChain, w, x.From, "%s", x.Reason))
			continue
		}
		d := ofWallet(ExternalChain, w, "nonces %d to %d: %s", x.From, x.To, x.Reason)
		d.Subject = fmt.Sprintf("%s nonces %d to %d", d.Subject, x.From, x.To)
		ds = append(ds, d)
	}
	free, err := r.Nonces(ctx, store.NonceFilter{WalletID: w.ID, States: []string{store.NonceFree}, From: was})
	for _, n := range free {
		ds = append(ds, ofNonce(NonceGap, w, n.Nonce, "given after the backup, and never signed"))
	}
	return ds, err
}
