package journal

import (
	"fmt"

	"coffer.internal/signing"
)

// Slot is a place in an account's order of transactions. At most one payload is ever signed for it.
type Slot struct {
	ChainType string `json:"chain_type"`
	ChainID   int64  `json:"chain_id"`
	Address   string `json:"address"`
	Nonce     uint64 `json:"nonce"`
}

func slotOf(i signing.Intent) Slot { return Slot{i.ChainType, i.ChainID, i.From, i.Nonce} }

func (s Slot) String() string {
	return fmt.Sprintf("nonce %d of %s on %s %d", s.Nonce, s.Address, s.ChainType, s.ChainID)
}

// Facts are all that the decision about one intent looks at.
type Facts struct {
	Answered  bool             // this digest has its answer
	Malformed *signing.Refusal // what is wrong with the intent by itself; nil: nothing
	Held      bool             // this machine holds the key of From
	KeyLedger string           // the ledger which that key is bound to
	Signed    *signing.Digest  // what is signed for the intent's slot; nil: nothing
	PaidAt    *Slot            // where the payment id is bound to; nil: nowhere
}

// Verdict is what becomes of an intent.
type Verdict int

const (
	// Again: the journaled answer of this digest is given once more, whatever else is true by now.
	Again Verdict = iota + 1
	// Sign: sign it, and bind its slot and its payment id.
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
	slot := slotOf(i)
	switch {
	case f.Answered:
		return Decision{Verdict: Again}
	case f.Malformed != nil:
		return Decision{Refuse, f.Malformed}
	case !f.Held:
		return refuse(signing.RefusedForGood, "not_this_key", "this machine does not hold the key of %s", i.From)
	case f.KeyLedger != i.Ledger:
		return refuse(signing.RefusedAsConflict, "other_ledger", "the key of %s is bound to another ledger than %q", i.From, i.Ledger)
	case i.Payment != "" && f.PaidAt != nil && *f.PaidAt != slot:
		return refuse(signing.RefusedAsConflict, "payment_bound", "payment %q is signed at %s", i.Payment, *f.PaidAt)
	case f.Signed != nil:
		return refuse(signing.RefusedAsConflict, "nonce_bound", "%s is signed with another payload, digest %s", slot, *f.Signed)
	}
	return Decision{Verdict: Sign}
}

func refuse(kind signing.RefusalKind, code, format string, args ...any) Decision {
	return Decision{Refuse, &signing.Refusal{Kind: kind, Code: code, Reason: fmt.Sprintf(format, args...)}}
}
