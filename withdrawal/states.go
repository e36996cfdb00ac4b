package withdrawal

import (
	"fmt"
	"slices"

	"coffer.internal/internal/store"
)

// What may follow what. These are the only tables of it; docs/state-machine.md draws them, and a test holds the two together.
// From a state to itself, only what is noted changes.
var (
	withdrawalEdges = map[string][]string{
		store.WithdrawalQueued: {store.WithdrawalQueued, store.WithdrawalAssigned, store.WithdrawalHeld, store.WithdrawalEnded},
		// back to queued: the signing machine refused for now, or the payment lost its nonce before it was asked for
		store.WithdrawalAssigned: {store.WithdrawalAssigned, store.WithdrawalQueued, store.WithdrawalNeedsReview, store.WithdrawalHeld, store.WithdrawalEnded},
		// to queued by a person and a release at the signing machine; to assigned when a reorganisation brings its nonce back
		store.WithdrawalNeedsReview: {store.WithdrawalNeedsReview, store.WithdrawalQueued, store.WithdrawalAssigned, store.WithdrawalEnded},
		// after a restore: to queued by its caller, who submits it again, or by what the signing machine's journal says of it; ended by a person
		store.WithdrawalHeld: {store.WithdrawalQueued, store.WithdrawalEnded},
	}
	attemptEdges = map[string][]string{
		store.AttemptAsked: {store.AttemptSigned, store.AttemptRefused, store.AttemptSuperseded},
		// to mined: whoever sent it could not write that down
		store.AttemptSigned: {store.AttemptSigned, store.AttemptSent, store.AttemptMined, store.AttemptSuperseded},
		store.AttemptSent:   {store.AttemptSent, store.AttemptMined, store.AttemptSuperseded},
		// back to sent: its block was left behind
		store.AttemptMined: {store.AttemptMined, store.AttemptSent, store.AttemptFinal, store.AttemptSuperseded},
		// it paid nobody, and a person released the payment: another attempt is the payment's now
		store.AttemptFinal: {store.AttemptSuperseded},
	}
)

// moveWithdrawal is a step along an edge. One that is none is a defect of this package.
func moveWithdrawal(payment, from, to, outcome, reason string) store.WithdrawalMove {
	mustFollow(withdrawalEdges, "withdrawal", from, to)
	return store.WithdrawalMove{Payment: payment, From: from, To: to, Outcome: outcome, Reason: reason}
}

// moveAttempt is a step along an edge, to which the new state's facts are added.
func moveAttempt(a store.Attempt, to string) store.AttemptMove {
	mustFollow(attemptEdges, "attempt", a.State, to)
	return store.AttemptMove{ID: a.ID, From: a.State, To: to}
}

func mustFollow(edges map[string][]string, what, from, to string) {
	if !slices.Contains(edges[from], to) {
		panic(fmt.Sprintf("withdrawal: no edge leads a %s from %s to %s", what, from, to))
	}
}
