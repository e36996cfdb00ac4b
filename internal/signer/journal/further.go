package journal

import (
	"math/big"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// Taken is a slot with what is signed for it.
type Taken struct {
	Slot        Slot
	Digest      signing.Digest // of the first payload, which owns the slot
	First, Last signing.Intent // the first and the last payload, on EVM; the same one if there is no other
	Released    bool           // it is closed for ever

	first filed // the first payload's answer
}

// further decides about a payload for a slot that is signed for already. Only a nonce on EVM takes further ones: copies of the
// payload that owns it, dearer each time; then its cancellations, dearer still. So the last payload signed is always the dearest,
// and if there is a cancellation, it is one.
func further(i signing.Intent, t Taken) Decision {
	switch {
	case t.Released:
		return refuse(signing.RefusedAsConflict, "released", "%s was released: nothing more is signed for it", t.Slot.name())
	case !sameMatter(i, t.First), !sameMatter(i, t.Last), moves(i) && moves(t.First) && !sameMove(i, t.First):
		return refuse(signing.RefusedAsConflict, t.Slot.code, "%s is signed with another payload, digest %s", t.Slot.name(), t.Digest)
	case t.Last.Purpose == signing.PurposeCancel && i.Purpose != signing.PurposeCancel:
		return refuse(signing.RefusedForGood, "cancelled", "payment %q is cancelled at %s", i.Payment, t.Slot.name())
	case !dearer(*i.EVM, *t.Last.EVM):
		return refuse(signing.RefusedForNow, "fees_not_higher", "%s is signed with fees of %s; these are not of the same kind and higher, each: %s",
			t.Slot.name(), feesOf(*t.Last.EVM), feesOf(*i.EVM))
	}
	return Decision{Verdict: Sign}
}

// sameMatter says whether an intent is about what the owner of its slot is about: one payment of one ledger, or a gap. Gap fills alone
// have no payment id, so they are replaced by gap fills only, and are never cancelled.
func sameMatter(i, owner signing.Intent) bool {
	return i.EVM != nil && owner.EVM != nil && i.Ledger == owner.Ledger && i.Payment == owner.Payment
}

// moves says whether an intent is more than a cancellation.
func moves(i signing.Intent) bool { return i.Purpose != signing.PurposeCancel }

// sameMove says whether two intents are for one purpose and move the same. A sweep, which takes no authorization, is no payment with the
// same id.
func sameMove(a, b signing.Intent) bool {
	return a.Purpose == b.Purpose && sameTransfer(*a.EVM, *b.EVM)
}

// sameTransfer says whether two transfers differ in nothing but gas limit and fees.
func sameTransfer(a, b signing.EVMTransfer) bool {
	return a.To == b.To && a.Amount == b.Amount && a.Contract == b.Contract
}

// dearer says whether the fees of a are of the same kind as those of b, and each is higher.
func dearer(a, b signing.EVMTransfer) bool {
	if legacy := a.GasPrice != ""; legacy || b.GasPrice != "" {
		return legacy && higher(a.GasPrice, b.GasPrice)
	}
	return higher(a.MaxFeePerGas, b.MaxFeePerGas) && higher(a.MaxPriorityFeePerGas, b.MaxPriorityFeePerGas)
}

// higher compares numbers. One that is none is higher than nothing, and nothing is higher than it.
func higher(a, b string) bool {
	x, okA := new(big.Int).SetString(a, 10)
	y, okB := new(big.Int).SetString(b, 10)
	return okA && okB && x.Cmp(y) > 0
}

func feesOf(e signing.EVMTransfer) string {
	if e.GasPrice != "" {
		return "gas price " + e.GasPrice
	}
	return "at most " + e.MaxFeePerGas + " with priority " + e.MaxPriorityFeePerGas
}

// taken reads what is signed for a slot; nil: nothing is.
func taken(tx *bolt.Tx, chainType string, s Slot) (*Taken, error) {
	all, err := signedFor(tx, s)
	if err != nil {
		return nil, err
	}
	return takenBy(tx, chainType, s, all)
}

// takenBy is taken where it is known what is signed.
func takenBy(tx *bolt.Tx, chainType string, s Slot, all []filed) (_ *Taken, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	first, last := all[0], all[len(all)-1]
	t := &Taken{Slot: s, Digest: first.digest, Released: released(tx, s), first: first}
	if chainType != derive.EVM {
		return t, nil
	}
	if t.First, err = first.intent(tx); err != nil {
		return nil, err
	}
	t.Last = t.First
	if last != first {
		t.Last, err = last.intent(tx)
	}
	return t, err
}

// released says whether a slot is closed for ever.
func released(tx *bolt.Tx, s Slot) bool { return tx.Bucket(releases).Get(s.key) != nil }
