package journal

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func (w *world) release(id string) (signing.PaymentState, bool, error) {
	w.t.Helper()
	_, s, already, err := w.Release(w.t.Context(), Release{Ledger: ledger, Payment: id, At: noon, By: "ops", Reason: "spent outside"}, Unapproved)
	return s, already, err
}

func (w *world) mustRelease(id string) {
	w.t.Helper()
	if _, already, err := w.release(id); err != nil || already {
		w.t.Fatalf("released before: %v, %v", already, err)
	}
}

func (w *world) state(id string) signing.PaymentState {
	w.t.Helper()
	s, err := w.Payment(w.t.Context(), ledger, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestAReleaseClosesTheOldNonceAndOpensExactlyOneNew(t *testing.T) {
	w := newWorld(t)
	pay := payment(7, "p", "1")
	w.record(all(pay, payment(5, "other", "1"))...)
	w.mustRelease("p")
	w.reopen()
	got := briefs(w.record(all(
		paying(pay, "40", "4"), // a replacement
		paying(cancellation(7, "p"), "40", "4"),
		payment(7, "q", "1"),
		gapFill(7),
		pay,                  // signed before
		payment(5, "p", "1"), // that nonce is another's
		payment(8, "p", "1"),
		payment(9, "p", "1"), // one new nonce, not two
		paying(payment(7, "p", "1"), "50", "5"),
		paying(payment(8, "p", "1"), "40", "4"), // and it is as good as any
		payment(8, "q", "1"),
		payment(10, "q", "1"), // q was never released, only refused
	)...))
	if want := " released released released released signed nonce_bound signed payment_bound payment_bound signed nonce_bound signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
	w.mustRelease("p") // the new nonce, too
	got = briefs(w.record(all(paying(payment(8, "p", "1"), "50", "5"), payment(11, "p", "1"), payment(12, "p", "1"), paying(pay, "90", "9"))...))
	if want := " released signed payment_bound payment_bound"; got != want {
		t.Errorf("after the second release: got%s, want%s", got, want)
	}
	if c, err := w.Counts(); err != nil || c.Released != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAReleasedPaymentMayBeCancelledAtANewNonceAndIsThenClosed(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(7, "p", "1"))...)
	w.mustRelease("p")
	got := briefs(w.record(all(cancellation(8, "p"), payment(8, "p", "1"), payment(9, "p", "1"))...))
	if want := " signed cancelled payment_bound"; got != want {
		t.Errorf("got%s, want%s", got, want)
	}
}

func TestAReleaseSaidTwiceKeepsTheFirstRecord(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(7, "p", "1"))...)
	first, already, err := w.release("p")
	want := signing.PaymentState{
		Bound: true, ChainType: "evm", ChainID: 1, Address: from, Nonce: 7, Released: true, ReleasedAt: noon, ReleasedBy: "ops", Reason: "spent outside",
	}
	if diff := cmp.Diff(want, first); diff != "" || already || err != nil {
		t.Fatalf("%v, %v\n%s", already, err, diff)
	}
	_, again, already, err := w.Release(t.Context(), Release{Ledger: ledger, Payment: "p", At: noon.Add(time.Hour), By: "somebody", Reason: "another"}, Unapproved)
	if diff := cmp.Diff(first, again); diff != "" || !already || err != nil {
		t.Errorf("%v, %v\n%s", already, err, diff)
	}
	w.reopen()
	if diff := cmp.Diff(first, w.state("p")); diff != "" {
		t.Errorf("after a restart:\n%s", diff)
	}
}

func TestWhereAPaymentStands(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(7, "p", "1"), payment(8, "c", "1"), paying(cancellation(8, "c"), "40", "4"))...)
	at := func(nonce uint64) signing.PaymentState {
		return signing.PaymentState{Bound: true, ChainType: "evm", ChainID: 1, Address: from, Nonce: nonce}
	}
	cancelled := at(8)
	cancelled.Cancelled = true
	for id, want := range map[string]signing.PaymentState{"p": at(7), "c": cancelled, "nobody": {}} {
		if diff := cmp.Diff(want, w.state(id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if s, err := w.Payment(t.Context(), "ledger-2", "p"); err != nil || s.Bound {
		t.Errorf("another ledger's: %+v, %v", s, err)
	}
	w.mustRelease("p")
	w.record(all(payment(9, "p", "1"))...)
	if diff := cmp.Diff(at(9), w.state("p")); diff != "" {
		t.Errorf("at its new nonce (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeReleasedIsNamed(t *testing.T) {
	w := newWorld(t)
	w.record(append(all(payment(8, "c", "1"), paying(cancellation(8, "c"), "40", "4"), cancellation(9, "unanswered")), bitcoin(0, "b", 0), solana(0, "s", 1))...)
	for _, c := range []struct {
		id, code string
		kind     error
	}{
		{"nobody", "no_such_payment", fault.NotFound},
		{"c", "payment_cancelled", fault.Refused},
		{"unanswered", "payment_cancelled", fault.Refused},
		{"b", "release_only_on_evm", fault.Refused},
		{"s", "release_only_on_evm", fault.Refused},
		{"", "usage", fault.Usage},
	} {
		if _, _, err := w.release(c.id); fault.Code(err) != c.code || !errors.Is(err, c.kind) {
			t.Errorf("%q: %v", c.id, err)
		}
	}
	for code, reason := range map[string]string{"usage": " \n", "long_reason": strings.Repeat("x", 1025)} {
		if _, _, _, err := w.Release(t.Context(), Release{Ledger: ledger, Payment: "c", Reason: reason}, Unapproved); fault.Code(err) != code {
			t.Errorf("reason of %d bytes: %v", len(reason), err)
		}
	}
	if c, err := w.Counts(); err != nil || c.Released != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestALedgerIsNamedOnlyWhenSeveralHaveThePayment(t *testing.T) {
	w := newWorld(t)
	for _, l := range []string{ledger, "ledger-2"} {
		_, err := w.NewKey(t.Context(), signing.KeyRequest{Ledger: l, ChainType: "evm", ChainID: 1}, func(p string) (string, error) { return l + p, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	theirs := payment(1, "both", "1")
	theirs.Ledger = "ledger-2"
	p := proposed(theirs)
	p.KeyLedger = "ledger-2"
	w.record(append(all(payment(0, "both", "1"), payment(2, "one", "1")), p)...)
	ask := func(ledger, id string) (string, signing.PaymentState, error) {
		found, s, _, err := w.Release(t.Context(), Release{Ledger: ledger, Payment: id, At: noon, Reason: "x"}, Unapproved)
		return found, s, err
	}
	if _, _, err := ask("", "both"); fault.Code(err) != "which_ledger" || !strings.Contains(err.Error(), "ledger-1, ledger-2") {
		t.Errorf("both: %v", err)
	}
	if found, s, err := ask("ledger-2", "both"); err != nil || found != "ledger-2" || s.Nonce != 1 {
		t.Errorf("both, of ledger-2: %s %+v, %v", found, s, err)
	}
	if s := w.state("both"); s.Released {
		t.Errorf("ledger-1's was released as well: %+v", s)
	}
	if found, s, err := ask("", "one"); err != nil || found != ledger || s.Nonce != 2 {
		t.Errorf("one: %s %+v, %v", found, s, err)
	}
	if _, _, err := ask("", "nobody"); fault.Code(err) != "no_such_payment" {
		t.Errorf("nobody: %v", err)
	}
}

func TestF34AReleaseThatIsNotWrittenIsNotSaidToBe(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(7, "p", "1"))...)
	mend := w.breakDisk()
	if _, _, err := w.release("p"); fault.Code(err) != "journal_not_written" {
		t.Fatalf("written nowhere, and answered: %v", err)
	}
	if s, err := w.Payment(t.Context(), ledger, "p"); fault.Code(err) != "journal_not_written" {
		t.Errorf("what can be read may not be on the disk: %+v, %v", s, err)
	}
	mend()
	if s := w.state("p"); s.Released {
		t.Errorf("what failed was kept: %+v", s)
	}
	if got := briefs(w.record(all(payment(8, "p", "1"))...)); got != " payment_bound" {
		t.Errorf("got%s", got)
	}
}

// The race of a batch with a release: what was not wanted when the batch began has no signature, and is signed after all.
func TestABatchThatAReleaseOvertakesWantsASignature(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(7, "p", "1"))...)
	p := proposed(payment(8, "p", "1"))
	p.Raw, p.Hash = nil, "" // as Look found it
	w.mustRelease("p")
	if answers, err := w.Record(t.Context(), []Proposal{p}); len(answers) != 0 || err != nil {
		t.Fatalf("answered without a signature: %+v, %v", answers, err)
	}
	if got := briefs(w.record(all(payment(8, "p", "1"))...)); got != " signed" {
		t.Errorf("asked again:%s", got)
	}
}

func TestAJournalIsOpenedAloneWithoutBindingIt(t *testing.T) {
	w := newWorld(t)
	w.record(all(payment(7, "p", "1"))...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	alone, err := OpenAlone(w.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Journal = alone
	w.mustRelease("p")
	w.reopen() // with its device: it is still that machine's
	if !w.state("p").Released {
		t.Error("the release is gone")
	}
	fresh := &world{t: t, dir: t.TempDir() + "/signer"}
	if err := Create(fresh.dir); err != nil {
		t.Fatal(err)
	}
	if fresh.Journal, err = OpenAlone(fresh.dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := fresh.db.View(func(tx *bolt.Tx) error {
		if owner := tx.Bucket(meta).Get(metaDevice); owner != nil {
			t.Errorf("it is bound to %s", owner)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	fresh.reopen()
	t.Cleanup(func() { _ = fresh.Close() })
}

// A payment that may have been signed by a machine whose journal is lost is released from a nonce at which nothing is journaled here.
func TestANonceThatWasReleasedWithNothingJournaledThereTakesNothing(t *testing.T) {
	w := newWorld(t)
	w.put(releases, PlaceOf(payment(7, "p", "1"), nil).number().key, `{"payment":"p"}`)
	if got := briefs(w.record(all(payment(7, "q", "1"), gapFill(7), payment(8, "q", "1"))...)); got != " released released signed" {
		t.Errorf("got%s", got)
	}
}
