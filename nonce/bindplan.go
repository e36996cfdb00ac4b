package nonce

import (
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// bind serves a bind call: its payments in order, each bound or told why not.
func (b *book) bind(c *call) []Bound {
	purses := make(map[int64]*Purse, len(c.bind.Purses))
	for id, p := range c.bind.Purses {
		purses[id] = p.open()
	}
	out := make([]Bound, len(c.bind.Payments))
	for i, p := range c.bind.Payments {
		out[i].Payment = p.Payment
		a, n, err := b.bindOne(c, p, purses)
		if err != nil {
			out[i].Err = err
			continue
		}
		out[i].Wallet = a.wallet()
		out[i].Row = rowOf(n, 1)
		out[i].Row.Payment = p.Payment
	}
	return out
}

func (b *book) bindOne(c *call, p Binding, purses map[int64]*Purse) (*account, *store.Nonce, error) {
	known, seen := b.requests[p.Request]
	state, accepted := b.withdrawals[p.Payment]
	if !seen || !accepted {
		return nil, nil, fault.New(fault.Refused, "unknown_payment", "coffer tx list", "no withdrawal %s was accepted", p.Payment)
	}
	if state != store.WithdrawalQueued && state != store.WithdrawalAssigned {
		return nil, nil, fault.New(fault.Refused, "not_waiting", "coffer tx show "+p.Request,
			"withdrawal %s does not wait for a nonce: it is %s", p.Payment, state)
	}
	against := func(a *account) string { return b.againstBinding(c, known, p, a, purses[a.row.ID]) }

	had := b.held[p.Request][p.Row]
	if had != nil && b.accounts[had.WalletID] == nil {
		return nil, nil, fault.New(fault.Refused, "unknown_wallet", "coffer tx show "+p.Request,
			"withdrawal %s holds nonce %d of wallet %d, which was not read", p.Payment, had.Nonce, had.WalletID)
	}
	var a *account
	switch {
	case had != nil && !b.expired(had):
		a = b.accounts[had.WalletID]
		if spent := purses[a.row.ID]; spent != nil && had.State == store.NonceReserved {
			spent.spend(p)
		}
		b.assign(p, state)
		return a, had, nil
	case had != nil && against(b.accounts[had.WalletID]) == "":
		a = b.accounts[had.WalletID]
	default:
		var err error
		if a, err = b.pick(c.chain, against); err != nil {
			return nil, nil, err
		}
		if had != nil && had.WalletID != a.row.ID {
			b.releases = append(b.releases, *had)
			had = nil
		}
	}
	n := b.give(a, p.Request, p.Row, had)
	a.claimed++
	purses[a.row.ID].spend(p)
	b.assign(p, state)
	return a, n, nil
}

// againstBinding says what speaks against a wallet for a payment, or nothing.
func (b *book) againstBinding(c *call, known store.Request, p Binding, a *account, has *Purse) string {
	if o := unfit(a.row, c.chain, c.devices); o.why != "" {
		return o.why
	}
	if o := braked(a.row, a.load); o.why != "" {
		return o.why
	}
	if why := p.Except[a.row.ID]; why != "" {
		return why
	}
	// A row of a reservation made from Go stays with the wallet of its reservation: whoever holds it was told that one.
	if known.Kind == store.KindReservation && known.WalletID != a.row.ID {
		return "the reservation is bound to another wallet"
	}
	if has == nil {
		return "what it can spend is not known yet"
	}
	if why := noRoom(a.load, a.claimed, c.bind.MaxUnmined); why != "" {
		return why
	}
	if why := has.Lacks(p); why != "" {
		return why
	}
	if !a.hasNonces(1) {
		return fmt.Sprintf("its cursor is at %d, and none goes above %d", a.row.Nonce, MaxCursor)
	}
	return ""
}

// assign notes that a withdrawal has its nonce. One that was assigned before stays so.
func (b *book) assign(p Binding, state string) {
	if state != store.WithdrawalQueued {
		return
	}
	b.write.Assign = append(b.write.Assign, p.Payment)
	b.withdrawals[p.Payment] = store.WithdrawalAssigned
}
