package withdrawal

import (
	"fmt"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

// spentPasses is after how many passes in a row a nonce that is spent by no transaction of ours is believed to be spent by
// somebody else. One node of several behind one address may be a block behind another.
const spentPasses = 3

// fate is what the chain makes of an attempt, and of its payment.
type fate struct {
	attempt store.Attempt
	move    *store.AttemptMove
	again   bool // it is further on the chain than this one move goes

	to, outcome, reason string // of the payment; to is empty if nothing changes
	alarm               string
}

func (f fate) change() bool { return f.move != nil || f.to != "" || f.alarm != "" }

// afterWatch decides it. Only what every node says cleanly decides anything: a missing or failed answer is none (F06). spent is
// how many passes in a row saw the nonce spent without a trace of this transaction.
func afterWatch(a store.Attempt, s chain.Sighting, spent int) fate {
	f := fate{attempt: a}
	switch s.Stage {
	case chain.StageAbsent:
		f.absent(spent)
	case chain.StageMined, chain.StageFinal:
		f.mined(s)
	}
	return f
}

// absent: in no block. One that was in a block is sent again, the same bytes; it may also be mined again by itself.
func (f *fate) absent(spent int) {
	a := f.attempt
	if a.State == store.AttemptMined {
		m := moveAttempt(a, store.AttemptSent)
		m.Note = fmt.Sprintf("block %s was left behind", a.BlockHash)
		f.move = &m
		return
	}
	if spent == spentPasses {
		f.alarm = "the chain spent this nonce on something else: who else has the key?"
	}
	if spent >= spentPasses && a.Payment != "" {
		f.to = store.WithdrawalNeedsReview
		f.reason = fmt.Sprintf("nonce %d of %s was spent by something that is not coffer's", a.Nonce, a.Address)
	}
}

func (f *fate) mined(s chain.Sighting) {
	a, to := f.attempt, store.AttemptMined
	switch {
	case a.State == store.AttemptSent:
		f.again = s.Stage == chain.StageFinal
	case s.Stage == chain.StageFinal:
		to = store.AttemptFinal
		f.final(s)
	case s.BlockHash == a.BlockHash:
		return
	}
	m := moveAttempt(a, to)
	m.BlockNumber, m.BlockHash, m.Success, m.Fee = s.BlockNumber, s.BlockHash, s.Success, s.Fee
	f.move = &m
}

// final decides the payment's end: paid only if exactly what was asked for was transferred; failed only if the chain says so.
func (f *fate) final(s chain.Sighting) {
	switch {
	case f.attempt.Payment == "":
	case s.Paid:
		f.to, f.outcome = store.WithdrawalEnded, store.OutcomePaid
	case !s.Success:
		f.to, f.outcome = store.WithdrawalEnded, store.OutcomeFailed
		f.reason = fmt.Sprintf("its transaction failed on the chain, in block %d; the fee is spent", s.BlockNumber)
	default:
		f.to = store.WithdrawalNeedsReview
		f.reason = "its transaction succeeded, but the token's contract shows no transfer of this amount to this address"
		f.alarm = "a payment's transaction succeeded without paying it"
	}
}

// end is the payment's move from where it stands, with its audit row; nil if it need not move.
func (f fate) end(w store.Withdrawal) (*store.WithdrawalMove, store.AuditRow) {
	if f.to == "" || w.State == "" || w.State == store.WithdrawalEnded || w.State == f.to {
		return nil, store.AuditRow{}
	}
	action, after := actionEnd, f.outcome
	if f.to == store.WithdrawalNeedsReview {
		action, after = actionReview, f.to
	}
	m := moveWithdrawal(w.Payment, w.State, f.to, f.outcome, f.reason)
	return &m, store.AuditRow{
		Action: action, Subject: w.Payment, Before: w.State, After: fmt.Sprintf("%s: %s", after, f.attempt.Hash), Result: store.ResultDone, Reason: f.reason,
	}
}
