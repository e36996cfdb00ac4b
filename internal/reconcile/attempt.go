package reconcile

import (
	"fmt"
	"strings"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// looked is an attempt whose rows agree, as the chain is asked about it.
type looked struct {
	store.Attempt
	tx chain.Tx
}

// compareAttempt compares an attempt with itself: the digest with the intent, the intent with where it stands, the bytes with the intent,
// and the hash with the bytes. The bytes say all that the chain can show, so whatever has their hash is what was asked for.
func compareAttempt(a store.Attempt, verify Verify) (looked, *Difference) {
	l := looked{Attempt: a}
	fail := func(code Code, expected, found string) (looked, *Difference) {
		d := about(code, store.Withdrawal{}, a, expected, found)
		return l, &d
	}
	intent, err := signing.Parse(a.Intent)
	if err != nil {
		return fail(IntentDiffers, "an intent", err.Error())
	}
	if digest := signing.DigestOf(a.Intent).String(); digest != a.Digest {
		return fail(IntentDiffers, "the intent with the digest "+a.Digest, "one with the digest "+digest)
	}
	at := fmt.Sprintf("%s of %q at nonce %d of %s on %s:%d", a.Purpose, a.Payment, a.Nonce, a.Address, a.ChainType, a.ChainID)
	is := fmt.Sprintf("%s of %q at nonce %d of %s on %s:%d", intent.Purpose, intent.Payment, intent.Nonce, intent.From, intent.ChainType, intent.ChainID)
	if at != is {
		return fail(IntentDiffers, at, "an intent for the "+is)
	}
	l.tx = chain.Tx{Intent: intent, Raw: a.Raw, Hash: a.Hash}
	if len(a.Raw) == 0 {
		if a.State == store.AttemptAsked || a.State == store.AttemptRefused || a.State == store.AttemptSuperseded {
			return l, nil
		}
		return fail(BytesDiffer, "signed bytes of an attempt that is "+a.State, "none")
	}
	hash, err := verify(intent, a.Raw)
	if err != nil {
		return fail(BytesDiffer, "bytes of what was asked for", err.Error())
	}
	if !strings.EqualFold(hash, a.Hash) {
		return fail(BytesDiffer, "the hash of the bytes, "+hash, a.Hash)
	}
	return l, nil
}

// compareSighting compares what is noted of a final attempt with what the chain shows of it.
func compareSighting(l looked, s chain.Sighting, row store.Withdrawal) (v verdict) {
	switch {
	case s.Stage == chain.StageUnknown, s.Stage == chain.StageAbsent && !s.All:
		v.unknown = append(v.unknown, s.Note)
		return v
	case s.Stage == chain.StageAbsent:
		v.differs(about(NotOnChain, row, l.Attempt, fmt.Sprintf("in block %d", l.BlockNumber), "in no block, say all nodes"))
		return v
	}
	if l.BlockNumber != s.BlockNumber || !strings.EqualFold(l.BlockHash, s.BlockHash) {
		v.differs(about(BlockDiffers, row, l.Attempt, fmt.Sprintf("block %d, %s", l.BlockNumber, l.BlockHash), fmt.Sprintf("block %d, %s", s.BlockNumber, s.BlockHash)))
	}
	if l.Fee != s.Fee {
		v.differs(about(FeeDiffers, row, l.Attempt, l.Fee+" base units", s.Fee+" base units"))
	}
	return v
}

// outcome says what contradicts a payment's outcome, and whether the chain shows enough to tell.
func (l looked) outcome(outcome string, s chain.Sighting) (text string, known bool) {
	switch {
	case !inBlock(s):
		return "", false
	case l.Success != s.Success:
		return fmt.Sprintf("status %d on the chain, and %d is noted", status(s.Success), status(l.Success)), true
	case outcome == store.OutcomePaid && !s.Success:
		return "status 0: the chain undid it", true
	case outcome == store.OutcomePaid && !s.Paid:
		return "status 1, and no such transfer in its log", true
	case outcome == store.OutcomeFailed && s.Success:
		return "status 1: the chain did not undo it", true
	}
	return "", true
}

// released says that it was in a block and paid nobody, and that a person let the payment go from it: another attempt is the payment's.
func (l looked) released() bool { return l.State == store.AttemptSuperseded && l.BlockNumber != 0 }

// line is its transaction as the books show it.
func (l looked) line(s chain.Sighting, outcome string, found verdict) Line {
	to, contract, amount := l.tx.Intent.Pays()
	line := Line{
		Time: l.MinedAt, Place: Place{l.ChainType, l.ChainID}, Purpose: l.Purpose, Payment: l.Payment, Outcome: outcome, Contract: contract, Amount: amount,
		Fee: l.Fee, From: l.Address, To: to, Nonce: l.Nonce, Hash: l.Hash, Block: l.BlockNumber, Checked: CheckedYes,
	}
	if inBlock(s) {
		line.Fee, line.Block = s.Fee, s.BlockNumber
		if !s.BlockTime.IsZero() {
			line.Time = s.BlockTime
		}
	}
	switch {
	case len(found.differences) > 0:
		line.Checked = CheckedDiffers
	case len(found.unknown) > 0:
		line.Checked = CheckedNo
	}
	return line
}

// judgeOrphan judges a final attempt whose payment id no withdrawal has: a gap fill, or what nobody asked for.
func judgeOrphan(l looked, s chain.Sighting) verdict {
	v := compareSighting(l, s, store.Withdrawal{})
	if text, known := l.outcome("", s); known && text != "" {
		v.differs(about(OutcomeDiffers, store.Withdrawal{}, l.Attempt, "the status that is noted", text))
	}
	v.lines = append(v.lines, l.line(s, "", v))
	return v
}

// unknownPayment is the difference of an attempt with a payment id that no withdrawal has.
func unknownPayment(a store.Attempt) Difference {
	return about(PaymentUnknown, store.Withdrawal{}, a, "a withdrawal "+a.Payment, fmt.Sprintf("none; attempt %d for it is %s", a.ID, a.State))
}

func inBlock(s chain.Sighting) bool {
	return s.Stage == chain.StageMined || s.Stage == chain.StageFinal
}

func status(success bool) int {
	if success {
		return 1
	}
	return 0
}

func number[N ~int64 | ~uint64](n N) string { return fmt.Sprint(n) }
