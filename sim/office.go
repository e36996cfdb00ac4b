package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/sim/recount"
	"coffer.internal/withdrawal"
)

// office is the customers' service: it hands withdrawals in until each is accepted, as design §3 says callers do, and asks at the
// end what became of them. The operator sits in it too.
type office struct {
	user
	desk     *withdrawal.Desk
	requests []*request
}

// request is one withdrawal as a customer wants it.
type request struct {
	withdrawal.Request
	to        common.Address
	accepted  bool
	cancelled bool // somebody asked for its end
	reviewed  bool // the operator decided, or tried to
}

func newOffice(t *town) *office {
	o := &office{user: user{name: "office", town: t}}
	setup, _ := t.setup(&o.user, func() time.Time { return t.clock })
	o.desk = withdrawal.NewDesk(withdrawal.DeskOptions{
		DB: &shakyDB{DB: t.db, user: &o.user}, Chains: []withdrawal.ChainSetup{setup}, Actor: "office", Inline: true, Signer: t.machine,
		Service: withdrawal.Service{
			Key: func() (ed25519.PrivateKey, error) { return serviceKey, nil }, For: authorizeFor, Now: func() time.Time { return t.clock },
		},
	})
	for i := range t.plan.payments {
		to := common.BytesToAddress(crypto.Keccak256(fmt.Appendf(nil, "customer %d", i))[12:])
		r := &request{to: to, Request: withdrawal.Request{
			ID: fmt.Sprintf("p%d", i), ChainID: chainID, To: to.Hex(), Amount: fmt.Sprint(1000 + i), BaseUnits: true,
		}}
		if t.rng.IntN(2) == 0 {
			r.Asset = tokenSymbol
		}
		o.requests = append(o.requests, r)
	}
	return o
}

// submit hands one in. What is not known to be accepted is handed in again.
func (o *office) submit(r *request) {
	w, _, err := o.desk.Submit(o.town.ctx, r.Request)
	switch {
	case err == nil:
		r.accepted = true
		o.say("%s accepted: %s %s", r.ID, w.State, w.Outcome)
	case errors.Is(err, fault.Unreachable) || errors.Is(err, fault.Conflict):
		o.say("%s: %v", r.ID, err)
		o.town.soon(5, func() { o.submit(r) })
	default:
		o.town.violate("%s is refused: %v", r.ID, err)
	}
}

// differ hands in another payment under an id that is taken: it must be refused, and change nothing.
func (o *office) differ(r *request) {
	other := r.Request
	other.Amount = "999999"
	_, _, err := o.desk.Submit(o.town.ctx, other)
	if err == nil {
		o.town.violate("%s was accepted with another amount", r.ID)
	}
}

// payments are what was accepted, with what the ledger says.
func (o *office) payments() (all []recount.Payment, states map[string]withdrawal.Withdrawal, err error) {
	o.safe = true
	defer func() { o.safe = false }()
	ws, err := o.desk.List(o.town.ctx, withdrawal.ListFilter{})
	states = map[string]withdrawal.Withdrawal{}
	for _, w := range ws {
		states[w.Request] = w
	}
	for _, r := range o.requests {
		w, there := states[r.ID]
		if r.accepted && !there {
			o.town.violate("%s was accepted, and is not in the ledger", r.ID)
		}
		if !there {
			continue
		}
		amount, _ := new(big.Int).SetString(r.Amount, 10)
		p := recount.Payment{ID: r.ID, To: r.to, Amount: amount, Outcome: w.Outcome}
		if r.Asset != "" {
			p.Token = tokenAddress
		}
		all = append(all, p)
	}
	return all, states, err
}

// waiting says whether some payment has neither ended nor waits for a person.
func (o *office) waiting() bool {
	_, states, err := o.payments()
	if err != nil {
		return true
	}
	for _, r := range o.requests {
		w, there := states[r.ID]
		if !there || w.State != store.WithdrawalEnded && w.State != store.WithdrawalNeedsReview {
			return true
		}
	}
	return false
}
