package journal

import (
	"fmt"
	"time"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// Facts are all that the decision about one intent looks at.
type Facts struct {
	Answered  bool             // this digest has its answer
	Malformed *signing.Refusal // what is wrong with the intent by itself; nil: nothing
	Held      bool             // this machine holds the key of From
	KeyLedger string           // the ledger which that key is bound to
	Elsewhere bool             // that key is of another kind of network (main, test) than the intent's
	Place     Place            // what the intent would use up
	Taken     *Taken           // the first of that which is used up; nil: nothing is
	Mark      uint64           // the lowest number of From at which anything is signed first
	Closed    bool             // the payment id may have been signed elsewhere, by a machine whose journal is lost
	PaidAt    *Place           // where the payment id is bound to, unless it was released from there; nil: nowhere
	Former    *Former          // on Solana, if the payment is bound to the attempt before this one: that
	Now       time.Time        // the journal's time

	answer  filed         // of this digest, if it has one
	bound   *policy.Bound // what the payment is bound with at PaidAt
	counted *policy.Cost  // what limits count already for a payment that is bound nowhere: it was loaded without its answer; nil: nothing
}

// Verdict is what becomes of an intent.
type Verdict int

const (
	// Again: the journaled answer of this digest is given once more, whatever else is true by now.
	Again Verdict = iota + 1
	// Sign: sign it, and bind all its slots and its payment id, or add it to what is signed for them.
	Sign
	// Refuse: journal the refusal. It binds nothing.
	Refuse
)

// Decision is a verdict, with the refusal if it is one.
type Decision struct {
	Verdict Verdict
	Refusal *signing.Refusal
}

// Decide applies the rules of the signing machine to one intent.
func Decide(i signing.Intent, f Facts) Decision {
	switch {
	case f.Answered:
		return Decision{Verdict: Again}
	case f.Malformed != nil:
		return Decision{Refuse, f.Malformed}
	case !f.Held:
		return refuse(signing.RefusedForGood, "not_this_key", "this machine does not hold the key of %s", i.From)
	case f.KeyLedger != i.Ledger:
		return refuse(signing.RefusedAsConflict, "other_ledger", "the key of %s is bound to another ledger than %q", i.From, i.Ledger)
	case f.Elsewhere:
		return refuse(signing.RefusedForGood, "other_network", "the key of %s is not one for %s %d", i.From, i.ChainType, i.ChainID)
	case i.Payment != "" && f.PaidAt != nil && !f.PaidAt.equal(f.Place) && !follows(f.Place, *f.PaidAt):
		return refuse(signing.RefusedAsConflict, "payment_bound", "payment %q is signed at %s", i.Payment, *f.PaidAt)
	case f.Taken != nil:
		return further(i, *f.Taken)
	case f.Place.Attempt > 1:
		return laterAttempt(i, f)
	case f.Closed:
		return refuse(signing.RefusedAsConflict, "payment_closed", "payment %q was asked for before the journal was lost, and may be signed", i.Payment)
	case i.Nonce < f.Mark:
		return refuse(signing.RefusedAsConflict, "below_mark", "nonce %d of %s is below %d, the lowest that is signed first", i.Nonce, i.From, f.Mark)
	}
	return Decision{Verdict: Sign}
}

func refuse(kind signing.RefusalKind, code, format string, args ...any) Decision {
	return Decision{Refuse, &signing.Refusal{Kind: kind, Code: code, Reason: fmt.Sprintf(format, args...)}}
}
