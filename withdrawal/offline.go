package withdrawal

import (
	"context"
	"fmt"
	"math/big"

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
	if err := e.gate.unpaused(ctx); err != nil {
		return ExportedPayment{}, err
	}
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

// exported finds a payment that is under way at an offline machine. While a restore waits for its acceptance, nothing is asked of one.
func (e *Engine) exported(ctx context.Context, payment string) (row store.Withdrawal, w store.Wallet, l *lane, err error) {
	if err := e.gate.unpaused(ctx); err != nil {
		return row, w, nil, err
	}
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
		if row.Reason == "" {
			x.Withdrawal.Reason = waitsForFile
		}
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
