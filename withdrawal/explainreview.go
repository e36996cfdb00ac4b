package withdrawal

import (
	"fmt"
	"slices"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// review explains a payment that only a person can move.
func (e *Explanation) review(f explained) {
	id := f.row.Payment
	release, requeue := "coffer-signer release "+id+" --reason TEXT", "coffer tx requeue "+id+" --reason TEXT"
	cancel := "coffer tx cancel " + id + " --reason TEXT"
	live := f.live()
	has := func(is func(store.Attempt) bool) bool { return slices.ContainsFunc(f.attempts, is) }
	switch {
	case f.foreign:
		e.say(CauseForeignFinal, fmt.Sprintf("%s was spent, finally, by something that is not coffer's, so this payment can never be made with it; find out who else has the key", f.nonce()),
			"nothing by itself: pay again with the first two (the first at the signing machine's own home), or give up with the third", release, requeue, cancel)
	case has(func(a store.Attempt) bool {
		return a.State == store.AttemptRefused && a.Refusal == string(signing.RefusedAsConflict)
	}) && len(live) == 0:
		e.say(CauseConflict, "ledger and signing machine contradict each other: "+f.row.Reason,
			"nothing by itself: find out why (another ledger, or an older copy of this one, used the machine); if nothing is signed for it, or it was released, it is paid again",
			"coffer tx show "+id, requeue)
	case has(func(a store.Attempt) bool { return a.State == store.AttemptFinal }):
		e.say(CauseNotTransferred, f.row.Reason, "nothing by itself: look at the transaction; to pay again, release it at the signing machine's own home first", "coffer tx show "+id, release, requeue)
	case len(live) > 0:
		e.say(CauseForeign, fmt.Sprintf("%s was spent by something that is not coffer's, in a block that is not final on all nodes yet; find out who else has the key", f.nonce()),
			"it goes on by itself if that block is left behind; else it can be paid again, or given up, once that is final: coffer explain says so then")
	default:
		e.say(CauseReview, f.row.Reason, "nothing by itself", "coffer tx show "+id)
	}
}

// nonce names the nonce of the payment.
func (f explained) nonce() string {
	if len(f.attempts) == 0 {
		return "its nonce"
	}
	a := f.attempts[len(f.attempts)-1]
	return fmt.Sprintf("nonce %d of %s", a.Nonce, a.Address)
}
