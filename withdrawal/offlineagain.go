package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// further is a kind of further attempt that a file asks for, at a nonce that was asked for in a file before.
type further struct {
	word string // in audit rows
	// look reads the place of a payment and says whether such an attempt may be asked for there. already: one waits for its answer.
	look    func(ctx context.Context, r store.Reader, row store.Withdrawal, w store.Wallet) (p place, already bool, err error)
	purpose func(place) signing.Purpose
	// carries says of what is asked for and has no answer what the file carries.
	carries func(store.Attempt) bool
}

var cancelling = further{
	word: "cancel", look: cancellable,
	purpose: func(place) signing.Purpose { return signing.PurposeCancel },
	carries: func(a store.Attempt) bool { return a.Purpose == string(signing.PurposeCancel) },
}

var bumping = further{
	word: "bump", look: bumpable,
	purpose: func(p place) signing.Purpose { return signing.Purpose(p.newest().Purpose) },
	carries: func(a store.Attempt) bool { return a.Purpose != string(signing.PurposeCancel) },
}

// ExportCancel asks for a cancellation of an exported payment, and gives the file that carries it to the machine. What the machine may
// have signed before stays valid until the cancellation is in a block: the payment ends as cancelled, or as paid if it was faster.
func (e *Engine) ExportCancel(ctx context.Context, payment, reason string) (ExportedPayment, error) {
	return e.exportFurther(ctx, payment, reason, cancelling)
}

// ExportBump asks for the same payment with higher fees, at its nonce, and gives the file that carries it to the machine. What is signed is
// to be imported before. Fees stay within what was authorized. Said again before the answer is imported, it gives the same file.
func (e *Engine) ExportBump(ctx context.Context, payment, reason string) (ExportedPayment, error) {
	return e.exportFurther(ctx, payment, reason, bumping)
}

func (e *Engine) exportFurther(ctx context.Context, payment, reason string, f further) (ExportedPayment, error) {
	row, w, l, err := e.exported(ctx, payment)
	if err != nil {
		return ExportedPayment{}, err
	}
	already, err := l.askFurther(ctx, row, w, reason, f)
	if err != nil {
		return ExportedPayment{}, err
	}
	out, err := e.file(ctx, l, row, w, func(a store.Attempt) bool { return a.Payment == payment && f.carries(a) })
	out.Already = already
	return out, err
}

// askFurther writes a further attempt down as asked, unless one is. It needs no lease: its machine is asked by files, so no daemon asks for
// anything at this place, and two that say it at once find each other's row under the wallet's lock.
func (l *lane) askFurther(ctx context.Context, row store.Withdrawal, w store.Wallet, reason string, f further) (already bool, err error) {
	var p place
	err = l.db.View(ctx, func(r store.Reader) error {
		p, already, err = f.look(ctx, r, row, w)
		return err
	})
	if err != nil || already {
		return already, storefault.Of(err, "read payment "+row.Payment)
	}
	purpose := f.purpose(p)
	order, err := repair{place: p, purpose: purpose}.order()
	if err != nil {
		return false, err
	}
	order.Late, order.FeeCap = true, furtherCap(row, purpose)
	drafts, err := l.chain.Draft(ctx, []chain.Order{order})
	if err != nil {
		return false, err
	}
	if wait := drafts[0].Wait; wait != "" {
		return false, feesTooHigh(f.word+" "+row.Payment, wait)
	}
	ask := askOf(w.ID, 0, drafts[0].Intent, "", 0)
	ask.Again = true
	err = l.db.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.LockWallets(ctx, store.WalletFilter{IDs: []int64{w.ID}}); err != nil {
			return err
		}
		now, there, err := f.look(ctx, tx, row, w)
		if already = there; err != nil || there {
			return err
		}
		if len(now.attempts) != len(p.attempts) {
			return store.ErrStale // an answer came meanwhile, and has to be outbid
		}
		if _, err := tx.Ask(ctx, []store.Ask{ask}); err != nil {
			return err
		}
		return record(ctx, tx, l.actor, []store.AuditRow{{
			Action: actionAsk, Subject: row.Payment, After: fmt.Sprintf("%s at nonce %d of wallet %d", f.word, p.nonce, w.ID), Result: store.ResultDone, Reason: reason,
		}})
	})
	if errors.Is(err, store.ErrStale) {
		return false, fault.Wrap(err, fault.Conflict, "changed_meanwhile", "say it again", "%s %s", f.word, row.Payment)
	}
	return already, storefault.Of(err, "write down: "+f.word+" "+row.Payment)
}

// furtherCap is the cap on the fee that a payment was authorized with. A cancellation or a sweep needs no authorization.
func furtherCap(row store.Withdrawal, purpose signing.Purpose) *big.Int {
	if purpose != signing.PurposePayment {
		return nil
	}
	return feeCap(row)
}

// underway is the place of an exported payment of which nothing is in a block.
func underway(ctx context.Context, r store.Reader, row store.Withdrawal, w store.Wallet, word string) (p place, err error) {
	as, err := r.Attempts(ctx, store.AttemptFilter{WalletID: w.ID, Nonce: row.Nonce, States: open})
	if err != nil {
		return p, err
	}
	if len(as) == 0 {
		return p, fault.New(fault.Refused, "nothing_to_"+word, "coffer tx show "+row.Payment, "nothing of payment %s is under way", row.Payment)
	}
	if p = places(as)[0]; !p.unmined() {
		return p, fault.New(fault.Refused, "already_mined", "coffer tx show "+row.Payment, "payment %s is in a block", row.Payment)
	}
	return p, nil
}

// cancellable: a cancellation waits for its answer, or may be asked for, also over what has none.
func cancellable(ctx context.Context, r store.Reader, row store.Withdrawal, w store.Wallet) (p place, already bool, err error) {
	if p, err = underway(ctx, r, row, w, "cancel"); err != nil {
		return p, false, err
	}
	waits := slices.ContainsFunc(p.attempts, func(a store.Attempt) bool {
		return a.Purpose == string(signing.PurposeCancel) && a.State == store.AttemptAsked
	})
	if c := p.cancelling(); c != nil && !waits {
		return p, false, fault.New(fault.Refused, "already_cancelling", "coffer tx show "+row.Payment, "the cancellation of %s is signed", row.Payment)
	}
	return p, waits, nil
}

// bumpable: what is asked for has its answer, so that it is known what is to be outbid; or the last that was asked for is a replacement,
// which waits.
func bumpable(ctx context.Context, r store.Reader, row store.Withdrawal, w store.Wallet) (p place, already bool, err error) {
	if p, err = underway(ctx, r, row, w, "bump"); err != nil {
		return p, false, err
	}
	switch {
	case p.cancelling() != nil:
		return p, false, fault.New(fault.Refused, "already_cancelling", "coffer tx show "+row.Payment, "payment %s is being cancelled", row.Payment)
	case !p.has(store.AttemptAsked):
		return p, false, nil
	case p.newest().State == store.AttemptAsked && len(p.attempts) > 1:
		return p, true, nil
	}
	return p, false, fault.New(fault.Refused, "not_answered", "coffer tx import its answer first; coffer tx export --request "+row.Payment+" --out FILE writes its file again",
		"what was asked for payment %s has no answer yet", row.Payment)
}
