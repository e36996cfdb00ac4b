package withdrawal

import (
	"fmt"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// spentPasses is after how many passes in a row a nonce that is spent by no transaction of ours is believed to be spent by
// somebody else. One node of several behind one address may be a block behind another.
const spentPasses = 3

// The reasons that the chain gives a payment to wait.
const (
	byOthers      = "by something that is not coffer's" // there the guard step finds it
	reasonSpent   = "nonce %d of %s was spent " + byOthers + "; it is not final yet"
	reasonForeign = "nonce %d of %s was spent, finally, " + byOthers + ": to pay again, `coffer-signer release %s --reason TEXT` at the signing machine, then `coffer tx requeue %s`; to give up, `coffer tx cancel %s`"
	reasonAll     = "%s; it ends when every configured node says so: %s"
)

// fate is what the chain makes of the attempts at one nonce, and of its payment.
type fate struct {
	place place
	moves []store.AttemptMove
	won   bool // one of them is final
	again bool // one of them is further on the chain than its one move goes

	to, outcome, reason string // of the payment; to is empty if nothing changes
	elsewhere           bool   // the nonce was spent, finally, by somebody else
	ours                bool   // nobody else holds the nonce: what was in review for that goes on
	alarm               string
}

// afterWatch decides it. Only clean answers decide anything: a missing or failed one is none (F06). One attempt of ours wins
// when it is final; all others are superseded then. What the majority of the nodes shows is enough to say that somebody was
// paid; what would cost somebody money if it were wrong needs all of them. spent is how many passes in a row saw the nonce spent
// without a trace of any attempt.
func afterWatch(p place, seen map[int64]chain.Sighting, spent int) fate {
	f := fate{place: p}
	for _, a := range p.attempts {
		s, looked := seen[a.ID]
		switch {
		case !looked || f.won:
		case s.Stage == chain.StageAbsent && a.State == store.AttemptMined:
			m := moveAttempt(a, store.AttemptSent)
			m.Note = fmt.Sprintf("block %s was left behind", a.BlockHash)
			f.moves = append(f.moves, m)
		case s.Stage == chain.StageMined || s.Stage == chain.StageFinal:
			f.mined(a, s)
		}
	}
	if !p.has(store.AttemptAsked) && f.to == "" { // what is only asked may be signed, and must be known first
		f.spent(seen, spent)
	}
	return f
}

// afterFinal settles what stands beside a final attempt: the mend step asked for it on an older look at the ledger, and the one
// that won was written down as final before it was seen.
func afterFinal(beaten []place) []fate {
	fates := make([]fate, len(beaten))
	for i, p := range beaten {
		fates[i].place = p
		for _, a := range p.attempts {
			fates[i].loses(a, "another attempt at its nonce had won")
		}
	}
	return fates
}

// mined moves an attempt that is in a block.
func (f *fate) mined(a store.Attempt, s chain.Sighting) {
	f.ours = true
	to := store.AttemptMined
	switch {
	case a.State != store.AttemptMined:
		f.again = f.again || s.Stage == chain.StageFinal
	case s.Stage == chain.StageFinal && f.final(a, s):
		to = store.AttemptFinal
	case s.BlockHash == a.BlockHash:
		return
	}
	if to == store.AttemptFinal {
		f.supersede(a)
	}
	m := moveAttempt(a, to)
	m.BlockNumber, m.BlockHash, m.Success, m.Fee = s.BlockNumber, s.BlockHash, s.Success, s.Fee
	f.moves = append(f.moves, m)
}

// supersede settles the attempts that lost, whatever else was to become of them.
func (f *fate) supersede(winner store.Attempt) {
	f.won, f.moves = true, nil
	for _, a := range f.place.attempts {
		if a.ID != winner.ID {
			f.loses(a, fmt.Sprintf("attempt %d won", winner.ID))
		}
	}
}

// loses settles one attempt.
func (f *fate) loses(a store.Attempt, why string) {
	m := moveAttempt(a, store.AttemptSuperseded)
	m.Note = why
	f.moves = append(f.moves, m)
}

// final decides the payment's end, and whether it may end now: paid only if exactly what was asked for was transferred; failed
// or cancelled only if every node says so.
func (f *fate) final(a store.Attempt, s chain.Sighting) bool {
	end := func(to, outcome, reason string) bool {
		if !s.All {
			f.to, f.reason = store.WithdrawalAssigned, fmt.Sprintf(reasonAll, reason, s.Note)
			return false
		}
		f.to, f.outcome, f.reason = to, outcome, reason
		return true
	}
	switch {
	case a.Payment == "":
		return true
	case a.Purpose == string(signing.PurposeCancel) && s.Success:
		return end(store.WithdrawalEnded, store.OutcomeCancelled, "its cancellation is final")
	case a.Purpose == string(signing.PurposeCancel): // the nonce is spent, and nothing was paid with it
		return end(store.WithdrawalEnded, store.OutcomeCancelled, "its cancellation failed on the chain, which spends the nonce all the same")
	case s.Paid:
		f.to, f.outcome = store.WithdrawalEnded, store.OutcomePaid
		return true
	case !s.Success:
		return end(store.WithdrawalEnded, store.OutcomeFailed,
			fmt.Sprintf("its transaction failed on the chain, in block %d; the fee is spent", s.BlockNumber))
	}
	done := end(store.WithdrawalNeedsReview, "", "its transaction succeeded, but the token's contract shows no transfer of this amount to this address")
	if done {
		f.alarm = "a payment's transaction succeeded without paying it"
	}
	return done
}

// spent looks at a nonce of which no attempt is in a block: whether the chain has spent it on something else.
func (f *fate) spent(seen map[int64]chain.Sighting, passes int) {
	spent, final := true, true
	for _, a := range f.place.attempts {
		s, looked := seen[a.ID]
		if !looked || s.Stage != chain.StageAbsent || !s.All || a.State == store.AttemptMined {
			return
		}
		spent, final = spent && s.Spent, final && s.SpentFinal
	}
	a := f.place.attempts[0]
	switch {
	case !spent:
		f.ours = true
		return
	case passes < spentPasses:
		return
	case final:
		f.foreignForGood(a)
	case a.Payment != "":
		f.to, f.reason = store.WithdrawalNeedsReview, fmt.Sprintf(reasonSpent, a.Nonce, a.Address)
	}
	if passes == spentPasses {
		f.alarm = "the chain spent this nonce on something else: who else has the key?"
	}
}

// foreignForGood: a payment's attempts are watched until a person decides; a gap fill has done its work.
func (f *fate) foreignForGood(a store.Attempt) {
	f.elsewhere = true
	if a.Payment != "" {
		f.to = store.WithdrawalNeedsReview
		f.reason = fmt.Sprintf(reasonForeign, a.Nonce, a.Address, a.Payment, a.Payment, a.Payment)
		return
	}
	for _, a := range f.place.attempts {
		f.loses(a, "something that is not coffer's spent the nonce")
	}
}

// end is the payment's move from where it stands, with its audit row; nil if it need not move. One that was let go of this nonce
// meanwhile, by a person who queued it again or gave it up, is none of its business any more.
func (f fate) end(w store.Withdrawal) (*store.WithdrawalMove, store.AuditRow) {
	to := f.to
	if to == "" && f.ours && w.State == store.WithdrawalNeedsReview {
		to = store.WithdrawalAssigned // what spent the nonce is gone from the chain, or was ours
	}
	if to == "" || !f.concerns(w) || w.State == to && w.Reason == f.reason {
		return nil, store.AuditRow{}
	}
	m := moveWithdrawal(w.Payment, w.State, to, f.outcome, f.reason)
	if w.State == to {
		return &m, store.AuditRow{}
	}
	action, after := actionEnd, f.outcome
	if to != store.WithdrawalEnded {
		action, after = actionReview, to
	}
	return &m, store.AuditRow{
		Action: action, Subject: w.Payment, Before: w.State, After: fmt.Sprintf("%s: %s", after, f.hash()), Result: store.ResultDone, Reason: f.reason,
	}
}

// concerns says whether a payment waits for what becomes of this nonce.
func (f fate) concerns(w store.Withdrawal) bool {
	return (w.State == store.WithdrawalAssigned || w.State == store.WithdrawalNeedsReview) &&
		w.WalletID == f.place.walletID && w.Nonce != nil && *w.Nonce == f.place.nonce
}

// hash is that of the attempt that is in a block, or of the newest.
func (f fate) hash() string {
	for _, m := range f.moves {
		for _, a := range f.place.attempts {
			if a.ID == m.ID && (m.To == store.AttemptMined || m.To == store.AttemptFinal) {
				return a.Hash
			}
		}
	}
	return f.place.newest().Hash
}
