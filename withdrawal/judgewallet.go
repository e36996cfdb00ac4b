package withdrawal

import (
	"slices"
	"time"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
)

// wallet judges one wallet.
func (j *judgement) wallet(w *walletFacts) {
	j.foreignUse(w)
	j.spentByOthers(w)
	j.conflict(w)
	j.delegated(w)
	for _, a := range w.unfilled {
		j.say(j.f.alarm(AlarmGapRefused, &w.row, "", "", "the signing machine refuses to fill nonce %d, and all above it waits: %s", a.Nonce, a.Note))
	}
	j.underWay(w)
}

// foreignUse: all nodes count more than the ledger handed out, or have spent what it still holds (F11). The count was read
// before the ledger, so nothing of coffer's explains it.
func (j *judgement) foreignUse(w *walletFacts) {
	if !j.f.gate.agreed {
		j.unknown(AlarmForeignUse, w.row.Address) // an old database does not know its own: coffer recover tells it
		return
	}
	if n, over := w.passedOver(); over {
		j.say(j.f.alarm(AlarmForeignUse, &w.row, "", "", "nonce %d was spent on the chain by something that is not coffer's", n))
	}
}

// passedOver is the lowest nonce that the chain has spent and coffer never asked for. Only what all nodes say counts.
func (w *walletFacts) passedOver() (lowest uint64, over bool) {
	if w.count == nil || !w.count.Agreed {
		return 0, false
	}
	if len(w.unasked) > 0 && w.unasked[0] < w.count.Latest {
		return w.unasked[0], true
	}
	return w.row.Nonce, w.count.Latest > w.row.Nonce
}

// spentByOthers: a nonce that was asked for is spent by something else (F10): a payment waits for a person because of it, or a used
// nonce, such as a gap fill's, is external.
func (j *judgement) spentByOthers(w *walletFacts) {
	say := func(nonce uint64, since time.Time) {
		j.since(since, j.f.alarm(AlarmForeignSpend, &w.row, "", "", "nonce %d was asked for, and spent by something that is not coffer's", nonce))
	}
	for _, r := range j.f.review {
		if r.foreign && r.row.WalletID == w.row.ID && r.row.Nonce != nil {
			say(*r.row.Nonce, r.row.UpdatedAt)
		}
	}
	for _, e := range w.foreign {
		say(e.From, e.At)
	}
}

const evidenceChain = "chain"

func (j *judgement) conflict(w *walletFacts) {
	for _, r := range j.f.review {
		if a := r.conflict; a != nil && a.WalletID == w.row.ID {
			j.since(a.UpdatedAt, naming(j.f.alarm(AlarmSignerConflict, &w.row, "", "", "withdrawal %s at nonce %d: %s", r.row.Payment, a.Nonce, a.Note), r.row.Payment))
		}
	}
}

func (j *judgement) delegated(w *walletFacts) {
	switch {
	case w.delegate == nil:
		j.unknown(AlarmDelegated, w.row.Address)
	case *w.delegate != "":
		j.say(j.f.alarm(AlarmDelegated, &w.row, "", "", "the account is delegated to contract %s (EIP-7702), which coffer did not ask for", *w.delegate))
	}
}

// underWay judges what was asked for and is in no block. Only the lowest nonce is ever called stuck (F20): those above it wait
// for it.
func (j *judgement) underWay(w *walletFacts) {
	for i, a := range w.out {
		switch verdict := verdictOf(a); {
		case verdict == chain.Occupied && w.alone(i):
			j.say(j.f.alarm(AlarmOccupied, &w.row, "", "", "something that is not coffer's stands at nonce %d in a node's pool: %s", a.Nonce, a.Note))
		case verdict == chain.Unfunded:
			j.say(j.f.alarm(AlarmNoGas, &w.row, "", "", "it cannot pay for nonce %d, which is under way: %s", a.Nonce, a.Note))
		case verdict == chain.Rejected && w.alone(i):
			j.say(naming(j.f.alarm(AlarmRejected, &w.row, "", "", "a node says that it can never take nonce %d: %s", a.Nonce, a.Note), a.Payment))
		case j.notAccepted(a) && !w.taken(a.Nonce):
			j.say(j.f.alarm(AlarmNotAccepted, &w.row, "", "", "no node has taken nonce %d, signed at %s: %s", a.Nonce, at(a.SignedAt), orNoAnswer(a.Note)))
		}
	}
	if since, is := w.waits(); is && j.f.now.Sub(since) > j.f.stuck {
		j.say(naming(j.f.alarm(AlarmStuck, &w.row, "", "", "nonce %d is in no block, and was the next one since %s", w.lowest, at(since)), w.out[0].Payment))
	}
}

// alone says whether an attempt is the only one under way at its nonce: beside another one of ours, a node's pool holds that.
func (w *walletFacts) alone(i int) bool {
	n := w.out[i].Nonce
	return (i == 0 || w.out[i-1].Nonce != n) && (i == len(w.out)-1 || w.out[i+1].Nonce != n)
}

// acceptWithin is how long signed bytes may be without a node that takes them.
func (f *guardFacts) acceptWithin() time.Duration { return min(f.stuck, 2*time.Minute) }

// notAccepted: no node said that it has it (F02). A hash in an answer would not say more than that one did.
func (j *judgement) notAccepted(a store.Attempt) bool {
	if j.f.now.Sub(a.SignedAt) <= j.f.acceptWithin() {
		return false
	}
	return a.State == store.AttemptSigned || a.State == store.AttemptSent && verdictOf(a) == chain.Unknown
}

// taken says whether some node has taken one of the attempts at a nonce.
func (w *walletFacts) taken(nonce uint64) bool {
	return slices.ContainsFunc(w.out, func(a store.Attempt) bool {
		return a.Nonce == nonce && a.State == store.AttemptSent && verdictOf(a) != chain.Unknown
	})
}

// waits is since when the lowest nonce is the next to get into a block, if it is signed. The one that waits for its signature is
// the signing machine's.
func (w *walletFacts) waits() (since time.Time, is bool) {
	for _, a := range w.out {
		if a.Nonce != w.lowest || a.State == store.AttemptAsked {
			continue
		}
		if !is || a.SignedAt.Before(since) {
			since, is = a.SignedAt, true
		}
	}
	if w.lowestFor.After(since) {
		since = w.lowestFor
	}
	return since, is
}

func orNoAnswer(note string) string {
	if note == "" {
		return "it was not sent, because a nonce below it is not signed"
	}
	return note
}
