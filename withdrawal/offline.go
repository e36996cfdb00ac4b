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
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
)

// ExportRequest is a payment out of a cold or vault wallet, whose signing machine no network reaches.
type ExportRequest struct {
	PayRequest
	Sweep  bool     // between the exchange's own places: the machine's policy lists them
	MaxFee *big.Int // the most that it may cost, in base units of the chain's coin; nil: what the chain's caps leave
}

// ExportedPayment is a payment and the file that asks for it.
type ExportedPayment struct {
	Withdrawal
	Requests signing.OfflineRequests
	Already  bool // it was asked for before, and the file is the same
}

// Export pays with a reservation of a wallet whose machine is not reachable: the intent is written down as asked, and what asks the
// machine for it is given back, to be carried there. Nothing is signed here, and nothing else is ever asked for with that request id or
// that nonce, but a cancellation (ExportCancel). Said again with the same content, it gives the same file. It refuses as Pay does; and
// a wallet that is no cold or vault one, or whose machine answers here.
func (e *Engine) Export(ctx context.Context, r nonce.Reservation, q ExportRequest) (ExportedPayment, error) {
	if err := e.offline(ctx, r.Wallet); err != nil {
		return ExportedPayment{}, err
	}
	p, err := e.prepare(ctx, r, 0, q.PayRequest)
	if err != nil {
		return ExportedPayment{}, err
	}
	p.late, p.maxFee = true, q.MaxFee
	if q.Sweep {
		p.purpose = signing.PurposeSweep
	}
	known, err := p.before(ctx)
	if err != nil {
		return ExportedPayment{}, err
	}
	if known == nil {
		if err := p.askOffline(ctx); err != nil {
			return ExportedPayment{}, p.refused(ctx, err)
		}
	}
	out, err := e.ExportAgain(ctx, p.payment)
	if err == nil && out.purpose() != p.purpose {
		return ExportedPayment{}, fault.New(fault.Refused, "request_differs", "use a new request id for a new payment",
			"payment %s was exported as a %s already", p.payment, out.purpose())
	}
	out.Already = known != nil
	return out, err
}

// Exportable checks what can be checked of an export before a nonce is taken for it.
func (e *Engine) Exportable(ctx context.Context, from string, chainID int64, request string, q ExportRequest) error {
	if _, err := e.book.check(Request{ID: request, ChainID: chainID, To: q.To, Amount: q.Amount, Asset: q.Asset, BaseUnits: q.BaseUnits}); err != nil {
		return err
	}
	if q.MaxFee != nil && q.MaxFee.Sign() <= 0 {
		return fault.New(fault.Usage, "bad_max_fee", "leave --max-fee out, or give base units of the coin above 0", "a payment cannot cost at most %s", q.MaxFee)
	}
	w, err := wallet.NewRegistry(e.leases.db, nil, "").Find(ctx, from, chainID)
	if err != nil {
		return err
	}
	return e.offline(ctx, w)
}

// purpose is that of the payment in the file.
func (x ExportedPayment) purpose() signing.Purpose {
	i, err := signing.Parse(x.Requests.Requests[len(x.Requests.Requests)-1].Intent)
	if err != nil {
		return ""
	}
	return i.Purpose
}

// offline wants a wallet that is signed for by a machine which is not reachable from here.
func (e *Engine) offline(ctx context.Context, w wallet.Wallet) error {
	switch {
	case w.Type != wallet.Cold && w.Type != wallet.Vault:
		return fault.New(fault.Refused, "not_offline", "coffer withdraw pays from hot wallets", "wallet %s is %s; files are for cold and vault wallets", w.Address, w.Type)
	case w.Device == "":
		return fault.New(fault.Refused, "key_elsewhere", "register it with --device and --path of its machine (coffer-signer key)",
			"no signing machine of coffer's holds the key of %s", w.Address)
	}
	if err := e.reachable.ask(ctx); err == nil && e.reachable.machine != nil && e.reachable.holds(w.Device) {
		return fault.New(fault.Refused, "machine_reachable", "take the machine off the network, or pay from a Go program (System.Pay)",
			"the machine %s, which holds the key of %s, answers here", w.Device, w.Address)
	}
	return nil
}

// askOffline vets and drafts a payment, and writes it down as asked.
func (p *payment) askOffline(ctx context.Context) error {
	if err := p.admit(ctx); err != nil {
		return err
	}
	intent, err := p.draft(ctx)
	if err != nil {
		return err
	}
	if most := intent.MostFee(); p.maxFee != nil && most.Cmp(p.maxFee) > 0 {
		return fault.New(fault.Unavailable, "fees_above_max", "say it again when fees have fallen, or raise --max-fee",
			"payment %s may cost %s in fees, and at most %s are wanted", p.payment, most, p.maxFee)
	}
	_, err = p.ask(ctx, intent)
	return err
}

// ExportAgain gives the file of a payment that was exported and has no answer yet. Transfers of nothing that fill nonces below it go
// along: until they are signed too, the chain takes nothing above them.
func (e *Engine) ExportAgain(ctx context.Context, payment string) (ExportedPayment, error) {
	row, w, l, err := e.exported(ctx, payment)
	if err != nil {
		return ExportedPayment{}, err
	}
	if err := l.askFills(ctx, w, *row.Nonce); err != nil {
		return ExportedPayment{}, err
	}
	return e.file(ctx, l, row, w, func(a store.Attempt) bool {
		return a.Payment == payment || a.Payment == "" && a.Nonce < *row.Nonce
	})
}

// ExportCancel asks for a cancellation of an exported payment, and gives the file that carries it to the machine. What the machine may
// have signed before stays valid until the cancellation is in a block: the payment ends as cancelled, or as paid if it was faster.
func (e *Engine) ExportCancel(ctx context.Context, payment, reason string) (ExportedPayment, error) {
	row, w, l, err := e.exported(ctx, payment)
	if err != nil {
		return ExportedPayment{}, err
	}
	already, err := l.askCancel(ctx, row, w, reason)
	if err != nil {
		return ExportedPayment{}, err
	}
	out, err := e.file(ctx, l, row, w, func(a store.Attempt) bool {
		return a.Payment == payment && a.Purpose == string(signing.PurposeCancel)
	})
	out.Already = already
	return out, err
}

// exported finds a payment that is under way at an offline machine.
func (e *Engine) exported(ctx context.Context, payment string) (row store.Withdrawal, w store.Wallet, l *lane, err error) {
	err = e.leases.db.View(ctx, func(r store.Reader) error {
		if row, err = find(ctx, r, payment); err != nil || row.WalletID == 0 {
			return err
		}
		ws, err := r.Wallets(ctx, store.WalletFilter{IDs: []int64{row.WalletID}})
		if len(ws) > 0 {
			w = ws[0]
		}
		return err
	})
	if err != nil {
		return row, w, nil, storefault.Of(err, "find payment "+clip(payment))
	}
	hint := "coffer tx show " + payment
	switch {
	case row.State == store.WithdrawalEnded:
		err = fault.New(fault.Refused, "already_ended", hint, "payment %s has ended: %s", payment, row.Outcome)
	case row.Nonce == nil || !driven(w) || wallet.Type(w.WalletType) == wallet.Hot:
		err = fault.New(fault.Refused, "not_offline", hint, "payment %s is not one of a cold or vault wallet", payment)
	default:
		if l = e.lane(row.ChainType, row.ChainID); l == nil {
			err = notConfigured(wallet.ChainType(row.ChainType), row.ChainID)
		}
	}
	return row, w, l, err
}

// lane is the engine's part for a chain, or nil.
func (e *Engine) lane(chainType string, id int64) *lane {
	for _, l := range e.lanes {
		if l.setup.Type == chainType && l.setup.ID == id {
			return l
		}
	}
	return nil
}

// file makes the file of what is asked for and has no answer yet.
func (e *Engine) file(ctx context.Context, l *lane, row store.Withdrawal, w store.Wallet, wanted func(store.Attempt) bool) (x ExportedPayment, err error) {
	x.Requests = signing.OfflineRequests{Version: signing.OfflineVersion, Device: w.Device, Requests: []signing.OfflineRequest{}}
	if x.Requests.Ledger, err = ledgerID(ctx, l.db); err != nil {
		return x, err
	}
	err = l.db.View(ctx, func(r store.Reader) error {
		rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{row.Payment}})
		if err != nil {
			return err
		}
		x.Withdrawal = e.book.show(rows[0])
		known, err := r.Device(ctx, w.Device)
		if err != nil {
			return err
		}
		x.Requests.Held = known.Held
		tokens, err := r.Authorizations(ctx, []string{row.Payment})
		if err != nil {
			return err
		}
		asked, err := r.Attempts(ctx, store.AttemptFilter{WalletID: w.ID, States: []string{store.AttemptAsked}, By: "nonce"})
		for _, a := range asked {
			if wanted(a) {
				q := signing.OfflineRequest{Intent: a.Intent}
				if a.Purpose == string(signing.PurposePayment) || a.Purpose == string(signing.PurposeSweep) {
					q.Authorizations = tokens[a.Payment]
				}
				x.Requests.Requests = append(x.Requests.Requests, q)
			}
		}
		return err
	})
	if err != nil {
		return x, storefault.Of(err, "read what is asked for")
	}
	if len(x.Requests.Requests) == 0 {
		return x, fault.New(fault.Refused, "already_answered", "coffer tx show "+row.Payment, "payment %s has its answer: nothing is to be asked for", row.Payment)
	}
	return x, nil
}

// askFills asks for transfers of nothing at the nonces below one that nothing else can be signed at any more: their only attempts were
// refused. Nobody else fills them, because their machine is asked by files.
func (l *lane) askFills(ctx context.Context, w store.Wallet, below uint64) error {
	var gaps []store.Nonce
	err := l.db.View(ctx, func(r store.Reader) error {
		all, err := r.Fillable(ctx, l.setup.Type, l.setup.ID)
		for _, n := range all {
			if n.WalletID == w.ID && n.State == store.NonceUsed && n.Nonce < below {
				gaps = append(gaps, n)
			}
		}
		return err
	})
	if err != nil || len(gaps) == 0 {
		return storefault.Of(err, "read the gaps")
	}
	ledger, err := ledgerID(ctx, l.db)
	if err != nil {
		return err
	}
	orders := make([]chain.Order, len(gaps))
	for i, n := range gaps {
		orders[i] = chain.Order{
			Ledger: ledger, Purpose: signing.PurposeGapFill, ChainID: l.setup.ID, From: w.Address, Nonce: n.Nonce, Late: true,
			Payment: chain.Payment{To: w.Address, Amount: new(big.Int)},
		}
	}
	drafts, err := l.chain.Draft(ctx, orders)
	if err != nil {
		return err
	}
	var asks []store.Ask
	for i, n := range gaps {
		if wait := drafts[i].Wait; wait != "" {
			return feesTooHigh(fmt.Sprintf("the gap at nonce %d of %s", n.Nonce, w.Address), wait)
		}
		asks = append(asks, askOf(n.WalletID, n.Fence, drafts[i].Intent, "", 0))
	}
	_, err = l.write(ctx, nil, asks)
	return err
}

func feesTooHigh(what, wait string) error {
	return fault.New(fault.Unavailable, "fees_too_high", "say it again later, or raise the chain's caps in coffer.toml", "%s: %s", what, wait)
}

// askCancel writes a cancellation down as asked, unless one is. It needs no lease: its machine is asked by files, so no daemon asks for
// anything at this place, and two that say it at once find each other's row under the wallet's lock.
func (l *lane) askCancel(ctx context.Context, row store.Withdrawal, w store.Wallet, reason string) (already bool, err error) {
	p, already, err := l.cancellable(ctx, l.db.View, row, w)
	if err != nil || already {
		return already, err
	}
	order, err := repair{place: p, purpose: signing.PurposeCancel}.order()
	if err != nil {
		return false, err
	}
	order.Late = true
	drafts, err := l.chain.Draft(ctx, []chain.Order{order})
	if err != nil {
		return false, err
	}
	if wait := drafts[0].Wait; wait != "" {
		return false, feesTooHigh("the cancellation of "+row.Payment, wait)
	}
	ask := askOf(w.ID, 0, drafts[0].Intent, "", 0)
	ask.Again = true
	err = l.db.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.LockWallets(ctx, store.WalletFilter{IDs: []int64{w.ID}}); err != nil {
			return err
		}
		now, there, err := cancellable(ctx, tx, row, w)
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
			Action: actionAsk, Subject: row.Payment, After: fmt.Sprintf("cancel at nonce %d of wallet %d", p.nonce, w.ID), Result: store.ResultDone, Reason: reason,
		}})
	})
	if errors.Is(err, store.ErrStale) {
		return false, fault.Wrap(err, fault.Conflict, "changed_meanwhile", "say it again", "cancel %s", row.Payment)
	}
	return already, storefault.Of(err, "write the cancellation of "+row.Payment+" down")
}

// cancellable is the place of a payment of which nothing is in a block. already: a cancellation waits for its answer.
func (l *lane) cancellable(ctx context.Context, view func(context.Context, func(store.Reader) error) error, row store.Withdrawal, w store.Wallet) (p place, already bool, err error) {
	err = view(ctx, func(r store.Reader) error {
		p, already, err = cancellable(ctx, r, row, w)
		return err
	})
	return p, already, storefault.Of(err, "read payment "+row.Payment)
}

func cancellable(ctx context.Context, r store.Reader, row store.Withdrawal, w store.Wallet) (p place, already bool, err error) {
	as, err := r.Attempts(ctx, store.AttemptFilter{WalletID: w.ID, Nonce: row.Nonce, States: open})
	if err != nil {
		return p, false, err
	}
	if len(as) == 0 {
		return p, false, fault.New(fault.Refused, "nothing_to_cancel", "coffer tx show "+row.Payment, "nothing of payment %s is under way", row.Payment)
	}
	p = places(as)[0]
	if !p.unmined() {
		return p, false, fault.New(fault.Refused, "already_mined", "coffer tx show "+row.Payment, "payment %s is in a block", row.Payment)
	}
	waits := slices.ContainsFunc(p.attempts, func(a store.Attempt) bool {
		return a.Purpose == string(signing.PurposeCancel) && a.State == store.AttemptAsked
	})
	if c := p.cancelling(); c != nil && !waits {
		return p, false, fault.New(fault.Refused, "already_cancelling", "coffer tx show "+row.Payment, "the cancellation of %s is signed", row.Payment)
	}
	return p, waits, nil
}
