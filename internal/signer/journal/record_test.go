package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

func TestIntentsOfABatchAreDecidedInOrder(t *testing.T) {
	w := newWorld(t)
	got := briefs(w.record(
		proposed(payment(0, "a", "1")),
		proposed(payment(0, "b", "1")), // the nonce is a's
		proposed(payment(1, "a", "1")), // a is at nonce 0
		proposed(payment(1, "b", "1")), // refused above, so free for b
		proposed(gapFill(1)),
		proposed(gapFill(2)),
		proposed(payment(2, "c", "1")),
		proposed(payment(0, "a", "2")), // another payload
		proposed(payment(0, "a", "1")), // the same again
	))
	if want := " signed nonce_bound payment_bound signed nonce_bound signed nonce_bound nonce_bound signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
}

func TestADigestHasOneAnswerForEver(t *testing.T) {
	w := newWorld(t)
	malformed := proposed(payment(5, "m", "1"))
	malformed.Malformed = &signing.Refusal{Kind: signing.RefusedForGood, Code: "malformed", Reason: "<a reason>"}
	elsewhere := proposed(payment(6, "e", "1"))
	elsewhere.Held = false
	first := w.record(proposed(payment(0, "a", "1")), proposed(payment(0, "b", "1")), malformed, elsewhere)
	w.reopen()
	malformed.Malformed, elsewhere.Held = nil, true // even if the reason has gone
	changed := proposed(payment(0, "a", "1"))
	changed.Raw, changed.Hash = []byte("another signature"), "0x00"
	again := w.record(changed, proposed(payment(0, "b", "1")), malformed, elsewhere)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("another answer to the same digest (-first +again):\n%s", diff)
	}
	if c, err := w.Counts(); err != nil || c != (Counts{Signed: 1, Refused: 3}) {
		t.Errorf("counts %+v, %v", c, err)
	}
}

func TestARefusalTakesNeitherNonceNorPayment(t *testing.T) {
	w := newWorld(t)
	foreign := proposed(payment(0, "a", "1"))
	foreign.KeyLedger = "other"
	got := briefs(w.record(foreign, proposed(payment(0, "b", "1")), proposed(payment(1, "a", "1"))))
	if want := " other_ledger signed signed"; got != want {
		t.Errorf("got%s, want%s", got, want)
	}
}

func TestTheSamePaymentIDOfAnotherLedgerIsAnotherPayment(t *testing.T) {
	w := newWorld(t)
	theirs := payment(1, "a", "1")
	theirs.Ledger = "ledger-2"
	p := proposed(theirs)
	p.KeyLedger = "ledger-2"
	if got := briefs(w.record(proposed(payment(0, "a", "1")), p)); got != " signed signed" {
		t.Errorf("got%s", got)
	}
}

func TestLookWantsASignatureOnlyWhereOneMayBeGiven(t *testing.T) {
	w := newWorld(t)
	k, err := w.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}, func(string) (string, error) { return from, nil })
	if err != nil {
		t.Fatal(err)
	}
	w.record(proposed(payment(0, "a", "1")))
	foreign := payment(1, "b", "1")
	foreign.From = to
	var ps []Proposal
	for _, i := range []signing.Intent{payment(0, "a", "1"), payment(0, "b", "1"), payment(1, "b", "1"), foreign} {
		ps = append(ps, Proposal{Intent: i, Digest: i.Digest()})
	}
	if err := w.Look(ps); err != nil {
		t.Fatal(err)
	}
	if got := []bool{ps[0].Wanted, ps[1].Wanted, ps[2].Wanted, ps[3].Wanted}; !cmp.Equal(got, []bool{false, false, true, false}) {
		t.Errorf("wanted %v", got)
	}
	if ps[2].Path != k.Path || !ps[2].Held || ps[3].Held {
		t.Errorf("keys: %+v", ps)
	}
}

func TestF34WithoutAWritableJournalThereIsNoAnswer(t *testing.T) {
	w := newWorld(t)
	before := w.record(proposed(payment(0, "a", "1")))
	mend := w.breakDisk()
	if _, err := w.Record(t.Context(), []Proposal{proposed(payment(1, "b", "1"))}); fault.Code(err) != "journal_not_written" || !errors.Is(err, fault.Unreachable) {
		t.Fatalf("written nowhere, and answered: %v", err)
	}
	// After a failed write not even an old answer is given: what can be read may not be on the disk.
	if _, err := w.Record(t.Context(), []Proposal{proposed(payment(0, "a", "1"))}); fault.Code(err) != "journal_not_written" {
		t.Errorf("an old answer: %v", err)
	}
	mend()
	after := w.record(proposed(payment(0, "a", "1")), proposed(payment(1, "b", "2")), proposed(payment(1, "b", "1")))
	if got := briefs(after); got != " signed signed nonce_bound" {
		t.Errorf("what was never answered was kept as signed:%s", got)
	}
	if diff := cmp.Diff(before[0], after[0]); diff != "" {
		t.Errorf("another answer (-before +after):\n%s", diff)
	}
	w.reopen()
	if diff := cmp.Diff(after, w.record(proposed(payment(0, "a", "1")), proposed(payment(1, "b", "2")), proposed(payment(1, "b", "1")))); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
}

func TestF34WhatIsWrittenAndNotSyncedIsNoAnswer(t *testing.T) {
	w := newWorld(t)
	before := w.record(proposed(payment(0, "a", "1")))
	for n := range uint64(3) { // what the last of these leave behind is room for one more: the file need not grow
		var many []Proposal
		for i := range uint64(100) {
			many = append(many, proposed(payment(1000*(n+1)+i, fmt.Sprint(n, i), "1")))
		}
		w.record(many...)
	}
	mend := w.breakSync()
	_, err := w.Record(t.Context(), []Proposal{proposed(payment(1, "b", "1"))})
	if fault.Code(err) != "journal_not_written" || !errors.Is(err, syscall.EINVAL) { // which is what fdatasync(2) says
		t.Fatalf("synced nowhere, and answered: %v", err)
	}
	mend()
	if diff := cmp.Diff(before, w.record(proposed(payment(0, "a", "1")))); diff != "" {
		t.Errorf("another answer (-before +after):\n%s", diff)
	}
}

func TestABatchThatFailsHalfWayBindsNothing(t *testing.T) {
	w := newWorld(t)
	w.put(payments, key(ledger, "b"), "no JSON")
	if got, err := w.Record(t.Context(), []Proposal{proposed(payment(0, "a", "1")), proposed(payment(1, "b", "1"))}); err == nil {
		t.Fatalf("answered: %+v", got)
	}
	if got := briefs(w.record(proposed(payment(0, "other", "1")), proposed(payment(2, "a", "1")))); got != " signed signed" {
		t.Errorf("half of the batch was kept:%s", got)
	}
}

// What could not be told before the lock is held is told after it: the caller signs, and records the rest.
func TestABatchEndsBeforeTheFirstThatWantsASignature(t *testing.T) {
	w := newWorld(t)
	unsigned := proposed(payment(1, "b", "1"))
	unsigned.Raw, unsigned.Hash = nil, ""
	unread := proposed(payment(2, "c", "1"))
	unread.Tokens = []string{"a token"}
	for name, p := range map[string]Proposal{"no signature": unsigned, "tokens that were not read": unread} {
		got, err := w.Record(t.Context(), []Proposal{proposed(payment(0, "a", "1")), p, proposed(payment(3, "d", "1"))})
		if err != nil || briefs(got) != " signed" {
			t.Errorf("%s:%s, %v", name, briefs(got), err)
		}
	}
	unread.Read = true
	if got := briefs(w.record(proposed(payment(1, "b", "1")), unread, proposed(payment(3, "d", "1")))); got != " signed signed signed" {
		t.Errorf("the rest:%s", got)
	}
}

func TestRepeatedAnswersCostNoWrite(t *testing.T) {
	w := newWorld(t)
	w.record(proposed(payment(0, "a", "1")))
	before := w.commits()
	w.record(proposed(payment(0, "a", "1")))
	if n := w.commits() - before; n != 0 {
		t.Errorf("%d commits for an answer that was there", n)
	}
}

func TestConcurrentCallersShareCommits(t *testing.T) {
	const callers, each = 32, 20
	w := newWorld(t)
	before := w.commits()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				nonce := uint64(c*each + n)
				answers, err := w.Record(t.Context(), []Proposal{proposed(payment(nonce, fmt.Sprint(nonce), "1"))})
				if err != nil || brief(answers[0]) != "signed" {
					t.Errorf("nonce %d: %v, %v", nonce, answers, err)
				}
			}
		})
	}
	wg.Wait()
	if n := w.commits() - before; n >= callers*each/2 {
		t.Errorf("%d calls took %d commits", callers*each, n)
	} else {
		t.Logf("%d calls in %d commits", callers*each, n)
	}
}

func TestRivalsForOneNonceGetOneSignature(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	signed := 0
	for c := range 32 {
		wg.Go(func() {
			answers, err := w.Record(context.Background(), []Proposal{proposed(payment(0, fmt.Sprint("p-", c), "1"))})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if answers[0].Refusal == nil {
				signed++
			}
		})
	}
	wg.Wait()
	if signed != 1 {
		t.Errorf("%d payloads signed for one nonce", signed)
	}
}
