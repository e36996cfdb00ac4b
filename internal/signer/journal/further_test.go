package journal

import (
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/signing"
)

// paying changes the fees of an EIP-1559 intent.
func paying(i signing.Intent, most, priority string) signing.Intent {
	e := *i.EVM
	e.GasPrice, e.MaxFeePerGas, e.MaxPriorityFeePerGas = "", most, priority
	i.EVM = &e
	return i
}

// legacy makes an intent one with a gas price.
func legacy(i signing.Intent, price string) signing.Intent {
	i = paying(i, "", "")
	i.EVM.GasPrice = price
	return i
}

// cancellation closes a nonce and a payment id.
func cancellation(nonce uint64, id string) signing.Intent {
	i := gapFill(nonce)
	i.Purpose, i.Payment = signing.PurposeCancel, id
	return i
}

func with(i signing.Intent, change func(*signing.EVMTransfer)) signing.Intent {
	e := *i.EVM
	change(&e)
	i.EVM = &e
	return i
}

// all proposes several intents.
func all(intents ...signing.Intent) []Proposal {
	ps := make([]Proposal, len(intents))
	for k, i := range intents {
		ps[k] = proposed(i)
	}
	return ps
}

func TestAFeeReplacementIsSignedWhenBothFeesAreHigherThanEver(t *testing.T) {
	w := newWorld(t)
	pay := payment(7, "p", "1") // fees 30 and 2
	got := briefs(w.record(all(
		pay,
		paying(pay, "31", "2"),  // the priority fee is not higher
		paying(pay, "30", "3"),  // nor is the fee cap
		paying(pay, "29", "1"),  // both are lower
		paying(pay, "100", "9"), // digits are no order: 9 is below 10
		paying(pay, "60", "50"), // higher than the first, not than the last
		paying(pay, "101", "10"),
		with(paying(pay, "102", "11"), func(e *signing.EVMTransfer) { e.GasLimit = 50000 }),
		legacy(pay, "1000"),     // of another kind
		paying(pay, "100", "9"), // the same again
	)...))
	if want := " signed fees_not_higher fees_not_higher fees_not_higher signed fees_not_higher signed signed fees_not_higher signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
	w.reopen()
	got = briefs(w.record(all(paying(pay, "102", "12"), paying(pay, "103", "12"))...))
	if want := " fees_not_higher signed"; got != want {
		t.Errorf("after a restart: got%s, want%s", got, want)
	}
}

func TestALegacyPaymentIsReplacedByAHigherGasPrice(t *testing.T) {
	w := newWorld(t)
	pay := legacy(payment(7, "p", "1"), "9")
	got := briefs(w.record(all(pay, legacy(pay, "8"), legacy(pay, "10"), paying(pay, "1000", "1000"), legacy(pay, "9"))...))
	if want := " signed fees_not_higher signed fees_not_higher signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
}

func TestAGapFillIsReplacedByAGapFillOnly(t *testing.T) {
	w := newWorld(t)
	fill := gapFill(7)
	got := briefs(w.record(all(
		fill, paying(fill, "30", "3"), paying(fill, "40", "3"), paying(payment(7, "p", "1"), "50", "4"), paying(cancellation(7, "p"), "50", "4"), paying(fill, "50", "4"),
	)...))
	if want := " signed fees_not_higher signed nonce_bound nonce_bound signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
}

// A sweep takes no authorization, and a replacement takes none: a payment must not come in by way of a sweep.
func TestASweepIsNotReplacedByAPayment(t *testing.T) {
	w := newWorldUnder(t, `version = 1
[[rule]]
name = "sweeps"
purposes = ["sweep"]
accounts = ["hot"]
chains = ["evm:1"]
assets = ["coin"]
to = ["`+to+`"]
[[rule]]
name = "mending"
purposes = ["cancel"]
accounts = ["hot"]
chains = ["evm:1"]
`)
	sweep := payment(7, "p", "1")
	sweep.Purpose = signing.PurposeSweep
	same := payment(7, "p", "1")
	elsewhere := with(same, func(e *signing.EVMTransfer) { e.To = "0xdAC17F958D2ee523a2206206994597C13D831ec7" })
	got := briefs(w.record(all(sweep, paying(same, "40", "4"), paying(elsewhere, "40", "4"), paying(sweep, "40", "4"), paying(cancellation(7, "p"), "50", "5"))...))
	if got != " signed nonce_bound nonce_bound signed signed" {
		t.Error(got)
	}
}

func TestAReplacementThatIsAnotherPaymentIsRefused(t *testing.T) {
	pay := paying(payment(7, "p", "1"), "40", "4")
	token := "0xdAC17F958D2ee523a2206206994597C13D831ec7"
	for name, i := range map[string]signing.Intent{
		"another recipient":           with(pay, func(e *signing.EVMTransfer) { e.To = token }),
		"its recipient in lower case": with(pay, func(e *signing.EVMTransfer) { e.To = strings.ToLower(e.To) }),
		"another amount":              with(pay, func(e *signing.EVMTransfer) { e.Amount = "2" }),
		"its amount spelt otherwise":  with(pay, func(e *signing.EVMTransfer) { e.Amount = "01" }),
		"a token's contract":          with(pay, func(e *signing.EVMTransfer) { e.Contract = token }),
		"another payment id":          func() signing.Intent { i := pay; i.Payment = "q"; return i }(),
		"another payment's cancel":    paying(cancellation(7, "q"), "40", "4"),
		"a gap fill":                  paying(gapFill(7), "40", "4"),
		"a sweep":                     func() signing.Intent { i := pay; i.Purpose = signing.PurposeSweep; return i }(),
		"no payment id":               func() signing.Intent { i := pay; i.Payment = ""; return i }(),
	} {
		w := newWorld(t)
		answers := w.record(all(payment(7, "p", "1"), i, payment(8, "r", "1"))...)
		if got := briefs(answers); got != " signed nonce_bound signed" || answers[1].Refusal.Kind != signing.RefusedAsConflict {
			t.Errorf("%s:%s", name, got)
		}
	}
}

func TestACancellationClosesNonceAndPaymentToAllThatWasNotSignedBefore(t *testing.T) {
	w := newWorld(t)
	pay, cancel := payment(7, "p", "1"), cancellation(7, "p")
	answers := w.record(all(
		pay,
		paying(pay, "40", "3"),
		paying(cancel, "40", "4"), // not higher than the replacement
		paying(cancel, "50", "4"),
		paying(pay, "60", "5"), // too late
		paying(pay, "40", "3"), // signed before
		paying(cancel, "60", "4"),
		paying(cancel, "60", "5"),
		payment(8, "p", "1"), // it stays where it is
		cancellation(8, "p"),
		payment(7, "q", "1"),
	)...)
	if got, want := briefs(answers), " signed signed fees_not_higher signed cancelled signed fees_not_higher signed payment_bound payment_bound nonce_bound"; got != want {
		t.Fatalf("got %s\nwant%s", got, want)
	}
	if r := answers[4].Refusal; r.Kind != signing.RefusedForGood || r.Reason != `payment "p" is cancelled at nonce 7 of `+from+` on evm 1` {
		t.Errorf("%+v", r)
	}
	if r := answers[2].Refusal; r.Kind != signing.RefusedForNow {
		t.Errorf("%+v", r)
	}
	w.reopen()
	if got := briefs(w.record(all(paying(pay, "70", "6"), paying(cancel, "70", "6"), pay)...)); got != " cancelled signed signed" {
		t.Errorf("after a restart:%s", got)
	}
}

func TestACancellationOverAnUnansweredAskClosesNonceAndPayment(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(5, "other", "1"))...)
	got := briefs(w.record(all(
		cancellation(5, "p"),                   // that nonce is another's
		cancellation(7, "other"),               // that payment is elsewhere
		cancellation(7, "p"),                   // nothing is signed there, and nothing for p
		payment(7, "p", "1"),                   // the ask that had no answer
		paying(payment(7, "p", "1"), "9", "1"), // nor a cheaper one
		payment(8, "p", "1"),
		payment(7, "q", "1"),
	)...))
	if want := " nonce_bound payment_bound signed cancelled cancelled payment_bound nonce_bound"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
}

func TestOnlyEVMHasReplacements(t *testing.T) {
	w := newWorld(t)
	pay := bitcoin(0, "a", 0)
	dearer := bitcoin(0, "a", 0)
	dearer.Intent.BTC.MaxFee = "2"
	dearer.Digest = dearer.Intent.Digest()
	got := briefs(w.record(pay, dearer, solana(0, "s", 1)))
	again := solana(0, "s", 1)
	again.Intent.Solana.ComputeUnitPrice = "2"
	again.Digest = again.Intent.Digest()
	if got += briefs(w.record(again)); got != " signed nonce_bound signed nonce_bound" {
		t.Errorf("got%s", got)
	}
}

// A journal of before there were replacements has one digest in each slot, and the intent in its entry.
func TestAPaymentOfAnEarlierJournalIsReplacedAndCancelled(t *testing.T) {
	w := newWorld(t)
	pay := payment(7, "p", "1")
	w.record(all(pay)...)
	w.format2()
	err := w.db.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket(releases) })
	if err != nil {
		t.Fatal(err)
	}
	slot := PlaceOf(pay, nil).number()
	if err := w.db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(slots).Get(slot.key); len(b) != len(signing.Digest{}) {
			t.Errorf("a slot with one payload has %d bytes: an earlier build wrote others", len(b))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	got := briefs(w.record(all(paying(pay, "30", "2"), paying(payment(7, "p", "2"), "40", "4"), paying(pay, "40", "4"), paying(cancellation(7, "p"), "50", "5"), paying(pay, "60", "6"))...))
	if want := " signed nonce_bound signed signed cancelled"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
	if err := w.db.View(func(tx *bolt.Tx) error {
		all, err := signedFor(tx, slot)
		if len(all) != 3 || all[0] != (filed{digest: pay.Digest()}) || all[1].number == 0 {
			t.Errorf("the slot holds %+v", all)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestASlotWhosePayloadIsNotKnownTakesNoOther(t *testing.T) {
	w := newWorld(t)
	pay := payment(7, "p", "1")
	digest := pay.Digest()
	if err := w.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(slots).Put(PlaceOf(pay, nil).number().key, digest[:]) }); err != nil {
		t.Fatal(err)
	}
	if got := briefs(w.record(all(paying(pay, "40", "4"), paying(cancellation(7, "p"), "40", "4"))...)); got != " nonce_bound nonce_bound" {
		t.Errorf("got%s", got)
	}
}
