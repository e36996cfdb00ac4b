package main

import (
	"context"
	"errors"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/store"
	"coffer.internal/withdrawal"
)

// What the operator does. It is no fault, but drawn and counted like one.
const (
	operatorCancels  kind = "operator cancels a payment"
	operatorBumps    kind = "operator bumps a payment"
	operatorRequeues kind = "operator releases a payment in review and queues it again"
	operatorGivesUp  kind = "operator gives up a payment in review"
	operatorLifts    kind = "operator lifts an alarm that only a person ends"
)

var operatorDoes = []kind{operatorCancels, operatorBumps, operatorRequeues, operatorGivesUp, operatorLifts}

// cancel gives a payment up. Whatever comes of it, the payment ends once.
func (o *office) cancel(r *request) {
	o.command("cancel", r, o.desk.Cancel, func() { r.cancelled = true })
}

func (o *office) bump(r *request) { o.command("bump", r, o.desk.Bump, func() {}) }

// operation is a command of the desk.
type operation = func(ctx context.Context, payment, reason string) (withdrawal.Withdrawal, bool, error)

// command says something until it is done or refused. What it may lead to is noted before: the answer may be lost.
func (o *office) command(what string, r *request, do operation, note func()) {
	note()
	w, already, err := do(o.town.ctx, r.ID, "simulated")
	o.say("%s %s: %s %s already=%t %v", what, r.ID, w.State, w.Outcome, already, err)
	switch {
	case err == nil || errors.Is(err, fault.Refused) || errors.Is(err, fault.NotFound):
	case errors.Is(err, fault.Unreachable) || errors.Is(err, fault.Conflict):
		o.town.soon(10, func() { o.command(what, r, do, func() {}) })
	default:
		o.town.violate("%s %s: %v", what, r.ID, err)
	}
}

// review looks for a payment in review, and, as soon as the ledger lets him, has it paid again or given up.
func (o *office) review(k kind) {
	t := o.town
	o.safe = true
	ws, err := o.desk.List(t.ctx, withdrawal.ListFilter{State: store.WithdrawalNeedsReview})
	o.safe = false
	if err != nil {
		t.violate("list: %v", err)
		return
	}
	for _, w := range ws {
		if r := o.find(w.Request); r != nil && o.decide(k, r) {
			t.hit(k)
			return
		}
	}
	if t.clock.Before(t.lastFault.Add(day / 2)) {
		t.soon(20, func() { o.review(k) })
	}
}

// lift ends the alarms that only a person ends: their brakes would hold payments up for ever.
func (o *office) lift() {
	t := o.town
	o.safe = true
	defer func() { o.safe = false }()
	alarms, err := o.desk.Alarms(t.ctx, false)
	if err != nil {
		t.violate("alarms: %v", err)
	}
	for _, a := range alarms {
		if !a.Sticky {
			continue
		}
		if _, _, err := o.desk.LiftAlarm(t.ctx, a.ID, "simulated"); err != nil {
			t.violate("lift alarm %d: %v", a.ID, err)
		}
		o.say("lifts %s of %s: %s", a.Kind, a.Address, a.Why)
		t.hits[operatorLifts]++
	}
}

// tell puts into the trace what an operator would look at first.
func (o *office) tell() {
	o.safe = true
	defer func() { o.safe = false }()
	alarms, err := o.desk.Alarms(o.town.ctx, false)
	if err != nil {
		o.say("alarms: %v", err)
	}
	for _, a := range alarms {
		o.say("alarm %s %s%s, brake %t, since %s: %s", a.Kind, a.Address, a.Payment, a.Brake, a.Since.Format(time.DateTime), a.Why)
	}
	for _, r := range o.requests {
		s, err := o.desk.Story(o.town.ctx, r.ID)
		if err != nil {
			o.say("%s: %v", r.ID, err)
			continue
		}
		o.say("%s is %s %s: %s", r.ID, s.Withdrawal.State, s.Withdrawal.Outcome, s.Withdrawal.Reason)
		for _, a := range s.Attempts {
			o.say("    attempt %d: %s at nonce %d of %s is %s: %s", a.ID, a.Purpose, a.Nonce, a.Address, a.State, a.Note)
		}
	}
}

func (o *office) find(id string) *request {
	for _, r := range o.requests {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// decide says whether it was done.
func (o *office) decide(k kind, r *request) bool {
	t := o.town
	r.reviewed = true
	if k == operatorGivesUp {
		r.cancelled = true
		_, _, err := o.desk.Cancel(t.ctx, r.ID, "simulated")
		o.say("give up %s: %v", r.ID, err)
		return err == nil
	}
	// A release closes the nonce for ever: he makes sure first that the ledger would queue it again.
	if _, _, err := o.desk.Requeue(t.ctx, r.ID, "simulated"); err == nil || fault.Code(err) != "not_released" {
		o.say("queue %s again: %v", r.ID, err)
		return err == nil
	}
	_, _, already, err := t.journal.Release(t.ctx, journal.Release{Payment: r.ID, Reason: "simulated", By: "operator", At: t.clock}, journal.Unapproved)
	o.say("release %s: already=%t %v", r.ID, already, err)
	if err == nil && !already {
		t.released[r.ID]++
		delete(t.token.Silent, r.to)
	}
	_, _, err = o.desk.Requeue(t.ctx, r.ID, "simulated")
	o.say("queue %s again: %v", r.ID, err)
	return err == nil
}
