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

// PayRequest says what to pay with a nonce that the caller reserved.
type PayRequest struct {
	To        string
	Amount    string // decimal, or whole base units with BaseUnits
	Asset     string // symbol; empty: the chain's own coin
	BaseUnits bool
	// Authorizations are as in Request; where there are none, the service key signs one, if there is one.
	Authorizations []string
}

// Pay pays with one row of a reservation. It writes the intent down, has it signed and writes the bytes down; sending and
// tracking are the daemon's, as for every other payment. So what comes back is a payment under way: assigned. If the signing
// machine does not answer it is one all the same, and the daemon asks again.
//
// Said again with the same reservation, row and content it answers with the same payment; with other content it is a
// fault.Refused that shows both. A reservation that expired, or whose nonce went to somebody else, is a fault.Refused before
// the signing machine hears of it. What the chain says can never be paid is a fault.Refused as well; a wallet without room or
// funds is a fault.Unavailable. In all of these nothing was asked for, and the reservation stands as it stood.
func (e *Engine) Pay(ctx context.Context, r nonce.Reservation, row int, q PayRequest) (Withdrawal, error) {
	p, err := e.prepare(ctx, r, row, q)
	if err != nil {
		return Withdrawal{}, err
	}
	if known, err := p.before(ctx); err != nil {
		return Withdrawal{}, err
	} else if known != nil {
		return e.renewed(ctx, p, *known)
	}
	if err := e.gate.unpaused(ctx); err != nil {
		return Withdrawal{}, p.refused(ctx, err)
	}
	if err := p.lane.gate.open(ctx); err != nil {
		return Withdrawal{}, err
	}
	if err := e.signedHere(ctx, r.Wallet); err != nil {
		return Withdrawal{}, p.refused(ctx, err)
	}
	if err := p.admit(ctx); err != nil {
		return Withdrawal{}, p.refused(ctx, err)
	}
	intent, err := p.draft(ctx)
	if err != nil {
		return Withdrawal{}, err
	}
	asked, err := p.ask(ctx, intent)
	if err != nil {
		return Withdrawal{}, p.refused(ctx, err)
	}
	if asked != nil {
		if err := p.lane.signThese(ctx, []store.Attempt{*asked}); err != nil {
			p.lane.log.Warn("asked for, and not signed yet: the daemon asks again", "payment", p.payment, "error", err)
		}
	}
	e.Wake()
	now, err := p.before(context.WithoutCancel(ctx))
	return e.shown(now), err
}

// signedHere refuses a wallet whose key another machine holds than the one that answers here: that one would refuse it for good. A
// machine that does not answer may be the right one.
func (e *Engine) signedHere(ctx context.Context, w wallet.Wallet) error {
	if err := e.reachable.ask(ctx); err != nil || e.reachable.holds(w.Device) {
		return nil
	}
	return fault.New(fault.Refused, "another_machine", "from a cold or vault wallet: coffer tx export, for the machine that holds its key",
		"the key of %s is held by machine %s, and another one answers here", w.Address, w.Device)
}

// payment is one Pay on its way.
type payment struct {
	order
	lane        *lane
	reservation nonce.Reservation
	row         nonce.Row

	purpose signing.Purpose
	late    bool     // it is sent much later than it is drafted (offline)
	maxFee  *big.Int // the most that it may cost; nil: what the chain's caps leave
}

// prepare checks everything that no node has to be asked about.
func (e *Engine) prepare(ctx context.Context, r nonce.Reservation, row int, q PayRequest) (*payment, error) {
	i := slices.IndexFunc(r.Rows, func(x nonce.Row) bool { return x.Row == row })
	if i < 0 {
		return nil, fault.New(fault.Usage, "no_such_row", "rows count from 0", "reservation %s has no row %d", r.Request, row)
	}
	w := r.Wallet
	if w.Device == "" {
		return nil, fault.New(fault.Refused, "key_elsewhere", fmt.Sprintf("sign it where the key is, then tell: coffer nonce sent %s %d NONCE HASH", w.Address, w.ChainID),
			"no signing machine of coffer's holds the key of %s", w.Address)
	}
	o, err := e.book.check(Request{ID: r.Request, ChainID: w.ChainID, To: q.To, Amount: q.Amount, Asset: q.Asset, BaseUnits: q.BaseUnits})
	if err != nil {
		return nil, err
	}
	o.payment = r.Rows[i].Payment
	if err := e.auth.take(ctx, &o, q.Authorizations); err != nil {
		return nil, err
	}
	if err := e.auth.sign(ctx, &o); err != nil {
		return nil, err
	}
	if o.chain.Type != string(w.ChainType) {
		return nil, fault.New(fault.Usage, "wrong_chain", "pay to an address of the wallet's chain",
			"%s is an address of %s, and wallet %s is on %s", o.to, o.chain.Type, w.Address, w.ChainType)
	}
	for _, l := range e.lanes {
		if l.setup.Type == o.chain.Type && l.setup.ID == o.chain.ID {
			return &payment{order: o, lane: l, reservation: r, row: r.Rows[i], purpose: signing.PurposePayment}, nil
		}
	}
	return nil, notConfigured(w.ChainType, w.ChainID)
}

// renewed takes newer authorizations for a payment that was made before, and queues one that is held: its caller pays again.
func (e *Engine) renewed(ctx context.Context, p *payment, was store.Withdrawal) (Withdrawal, error) {
	if was.State != store.WithdrawalHeld && len(p.with.Tokens) == 0 || !unasked(was) || was.State == store.WithdrawalEnded {
		return e.shown(&was), nil
	}
	now := &was
	err := p.lane.db.Update(ctx, func(tx store.Tx) error {
		at, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		resumed, err := resume(ctx, tx, []string{p.payment})
		if err != nil {
			return err
		}
		renewed, err := renew(ctx, tx, []order{p.order}, at)
		if err != nil {
			return err
		}
		audit := slices.Concat(resumed, renewed)
		if now, err = p.known(ctx, tx); err != nil {
			return err
		}
		return record(ctx, tx, p.lane.actor, audit)
	})
	if err != nil {
		return Withdrawal{}, storefault.Of(err, "take authorizations of "+p.payment)
	}
	e.Wake()
	return e.shown(now), nil
}

func (e *Engine) shown(row *store.Withdrawal) Withdrawal {
	if row == nil {
		return Withdrawal{}
	}
	return e.book.show(*row)
}

// before is the payment if it was made before. Other content is refused.
func (p *payment) before(ctx context.Context) (known *store.Withdrawal, err error) {
	err = p.lane.db.View(ctx, func(r store.Reader) (err error) {
		known, err = p.known(ctx, r)
		return err
	})
	return known, storefault.Of(err, "read payment "+p.payment)
}

func (p *payment) known(ctx context.Context, r store.Reader) (*store.Withdrawal, error) {
	rows, err := r.Withdrawals(ctx, store.WithdrawalFilter{Payments: []string{p.payment}})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	was := rows[0]
	if was.To != p.to || was.Contract != p.asset.Contract || was.Amount != p.amount.String() || was.ChainID != p.chain.ID {
		return nil, fault.New(fault.Refused, "request_differs", "use a new reservation for a new payment",
			"payment %s pays %s base units of %q to %s already; asked for now: %q", p.payment, was.Amount, was.Asset, was.To, p.content())
	}
	return &was, nil
}

// admit sees whether the chain would take the payment, and whether the wallet has funds for it.
func (p *payment) admit(ctx context.Context) error {
	from := p.reservation.Wallet.Address
	own, err := p.lane.toOwn(ctx, []store.Withdrawal{{Payment: p.payment, ChainType: p.chain.Type, ChainID: p.chain.ID, To: p.to}})
	if err != nil {
		return err
	}
	if own[p.payment] && p.purpose != signing.PurposeSweep {
		return toOwnWallet(p.order)
	}
	verdicts, err := p.lane.chain.Vet(ctx, from, []chain.Payment{p.chainPayment()})
	if err != nil {
		return err
	}
	if why := verdicts[0].Refusal; why != "" {
		return fault.New(fault.Refused, "cannot_be_paid", "check the recipient and the amount", "payment %s can never be paid: %s", p.payment, why)
	}
	d := demand{wallets: []store.Wallet{{ID: p.reservation.Wallet.ID, Address: from}}, queued: []store.Withdrawal{{Contract: p.asset.Contract, Amount: p.amount.String()}}}
	err = p.lane.db.View(ctx, func(r store.Reader) (err error) {
		d.unmined, err = p.lane.costs.unmined(ctx, r, p.lane)
		return err
	})
	if err != nil {
		return storefault.Of(err, "read what the wallet still has to pay")
	}
	if err := p.lane.appraise(ctx, &d); err != nil {
		return err
	}
	if why := d.purses[p.reservation.Wallet.ID].Lacks(d.binding(d.queued[0])); why != "" {
		return fault.New(fault.Unavailable, "no_funds", fmt.Sprintf("top it up, or see coffer info %s %d", from, p.chain.ID),
			"wallet %s cannot pay %s: %s", from, p.payment, why)
	}
	return nil
}

func (p *payment) draft(ctx context.Context) (signing.Intent, error) {
	ledger, err := ledgerID(ctx, p.lane.db)
	if err != nil {
		return signing.Intent{}, err
	}
	drafts, err := p.lane.chain.Draft(ctx, []chain.Order{{
		Ledger: ledger, Purpose: p.purpose, ChainID: p.chain.ID, From: p.reservation.Wallet.Address, Nonce: p.row.Nonce, Late: p.late,
		Payment: chain.Payment{ID: p.payment, To: p.to, Contract: p.asset.Contract, Amount: new(big.Int).Set(p.amount)},
		FeeCap:  feeCap(store.Withdrawal{AuthorizedFee: p.with.MaxFee}),
	}})
	if err != nil {
		return signing.Intent{}, err
	}
	if wait := drafts[0].Wait; wait != "" {
		return signing.Intent{}, fault.New(fault.Unavailable, "fees_too_high", "pay again with the same reservation later, or raise the chain's caps in coffer.toml",
			"payment %s: %s", p.payment, wait)
	}
	return drafts[0].Intent, nil
}

// ask writes the payment and its intent down, if the wallet has room and the reservation still holds the nonce. nil without an
// error: somebody else made the same payment meanwhile.
func (p *payment) ask(ctx context.Context, intent signing.Intent) (asked *store.Attempt, err error) {
	l, w := p.lane, p.reservation.Wallet
	err = l.db.Update(ctx, func(tx store.Tx) error {
		asked = nil
		if known, err := p.known(ctx, tx); err != nil || known != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := p.lapsedAuthorization(now); err != nil {
			return err
		}
		if err := p.room(ctx, tx); err != nil {
			return err
		}
		if err := tx.AdoptReservation(ctx, store.Withdrawal{
			Payment: p.payment, Request: p.reservation.Request, Row: p.row.Row, ChainType: p.chain.Type, ChainID: p.chain.ID,
			To: p.to, Asset: p.symbol(), Contract: p.asset.Contract, Amount: p.amount.String(),
		}, p.with); err != nil {
			return err
		}
		ask := askOf(w.ID, p.row.Fence, intent, p.reservation.Request, p.row.Row)
		ids, err := tx.Ask(ctx, []store.Ask{ask})
		if err != nil {
			return err
		}
		if ids[0] == 0 {
			return fault.New(fault.Refused, "stale_reservation", "reserve again with the same request id, then pay",
				"reservation %s does not hold nonce %d of %s with fence %d any more", p.reservation.Request, p.row.Nonce, w.Address, p.row.Fence)
		}
		asked = &store.Attempt{
			ID: ids[0], WalletID: w.ID, Address: w.Address, Nonce: p.row.Nonce, Payment: p.payment, Purpose: ask.Purpose,
			Digest: ask.Digest, Intent: ask.Intent, State: store.AttemptAsked,
		}
		return record(ctx, tx, l.actor, []store.AuditRow{
			{Action: actionAccept, Subject: p.payment, After: p.content(), Result: store.ResultDone},
			{Action: actionAsk, Subject: l.batch(1, "intent"), After: askedNonces([]store.Ask{ask}), Result: store.ResultDone},
		})
	})
	if errors.Is(err, store.ErrExists) {
		_, err = p.before(ctx)
		return nil, err
	}
	return asked, storefault.Of(err, "write payment "+p.payment+" down")
}

// room reads under the wallet's lock whether one more payment may be under way.
func (p *payment) room(ctx context.Context, tx store.Tx) error {
	w := p.reservation.Wallet
	if _, err := tx.LockWallets(ctx, store.WalletFilter{IDs: []int64{w.ID}}); err != nil {
		return err
	}
	loads, err := tx.Loads(ctx, []int64{w.ID})
	if err != nil {
		return err
	}
	if why := loads[0].Brake; why != "" {
		return fault.New(fault.Unavailable, "braked", "coffer alarms", "wallet %s gets no new payment: %s", w.Address, why)
	}
	if taken := loads[0].Unmined + loads[0].ReservedForWithdrawals; taken >= p.chain.MaxUnmined {
		return fault.New(fault.Unavailable, "no_room", "pay again with the same reservation when something of it is in a block",
			"wallet %s has no room: %d of %d unmined", w.Address, taken, p.chain.MaxUnmined)
	}
	return nil
}

// refused records a refusal; whatever else the error is, it is returned as it came.
func (p *payment) refused(ctx context.Context, err error) error {
	if !errors.Is(err, fault.Refused) && !errors.Is(err, fault.Unavailable) {
		return err
	}
	recordErr := p.lane.db.Update(ctx, func(tx store.Tx) error {
		return record(ctx, tx, p.lane.actor, []store.AuditRow{{
			Action: actionAccept, Subject: p.payment, After: p.content(), Result: store.ResultRefused, Reason: err.Error(),
		}})
	})
	if recordErr != nil {
		p.lane.log.Error("a refusal could not be recorded", "payment", p.payment, "refusal", err, "error", recordErr)
	}
	return err
}
