package journal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"coffer.internal/signing"
)

func seqs(as []signing.Answer) (all []uint64) {
	for _, a := range as {
		all = append(all, a.Receipt.Seq)
	}
	return all
}

// ofLedger is a payment of another ledger, by a key that is bound to it.
func ofLedger(l string, nonce uint64, id string) Proposal {
	i := payment(nonce, id, "1")
	i.Ledger = l
	p := proposed(i)
	p.KeyLedger = l
	return p
}

func TestEveryAnswerToALedgerHasTheNextNumber(t *testing.T) {
	w := newWorld(t)
	got := seqs(w.record(
		proposed(payment(0, "a", "1")),
		proposed(payment(0, "b", "1")), // refused
		ofLedger("ledger-2", 5, "x"),
		proposed(payment(0, "a", "1")), // the same again
		proposed(payment(1, "b", "1")),
	))
	if diff := cmp.Diff([]uint64{1, 2, 1, 1, 3}, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	w.reopen()
	got = seqs(w.record(proposed(payment(2, "c", "1")), proposed(payment(0, "b", "1")), ofLedger("ledger-", 6, "x"), ofLedger("ledger-2", 6, "y")))
	if diff := cmp.Diff([]uint64{4, 2, 1, 2}, got); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	for l, want := range map[string]uint64{ledger: 4, "ledger-2": 2, "ledger-": 1, "nobody": 0} {
		if n, err := w.Highest(t.Context(), l); n != want || err != nil {
			t.Errorf("%s: %d, %v", l, n, err)
		}
	}
}

func TestTheEntriesOfALedgerAreReadInOrder(t *testing.T) {
	w := newWorld(t)
	answers := w.record(proposed(payment(0, "a", "1")), ofLedger("ledger-2", 5, "x"), proposed(payment(0, "b", "1")), proposed(payment(1, "c", "1")))
	all, err := w.Entries(t.Context(), ledger, 0, 10)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for n, want := range []signing.Answer{answers[0], answers[2], answers[3]} {
		if diff := cmp.Diff(want, all[n].Answer()); diff != "" {
			t.Errorf("entry %d (-want +got):\n%s", n+1, diff)
		}
		if i, err := signing.Parse(all[n].Intent); err != nil || i.Digest() != want.Digest || all[n].At.IsZero() {
			t.Errorf("entry %d is for %s at %s, %v", n+1, all[n].Intent, all[n].At, err)
		}
	}
	for _, c := range []struct {
		after uint64
		limit int
		want  []uint64
	}{{0, 2, []uint64{1, 2}}, {1, 1, []uint64{2}}, {2, 10, []uint64{3}}, {3, 10, nil}, {1 << 63, 10, nil}, {0, 0, nil}} {
		some, err := w.Entries(t.Context(), ledger, c.after, c.limit)
		var got []uint64
		for _, e := range some {
			got = append(got, e.Seq)
		}
		if !cmp.Equal(c.want, got) || err != nil {
			t.Errorf("%d after %d: %v, %v", c.limit, c.after, got, err)
		}
	}
}

// formerly makes the journal one of version 1, which has no receipts.
func (w *world) formerly() {
	w.t.Helper()
	w.format2()
	err := w.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(entries)
		old := map[signing.Digest]entry{}
		_ = b.ForEach(func(d, _ []byte) error {
			var e entry
			_, err := getJSON(b, d, &e)
			old[signing.Digest(d)] = entry{Intent: e.Intent, Raw: e.Raw, Hash: e.Hash, Refusal: e.Refusal}
			return err
		})
		for d, e := range old {
			if err := e.put(tx, d); err != nil {
				return err
			}
		}
		if err := tx.DeleteBucket(receipts); err != nil {
			return err
		}
		return tx.Bucket(meta).Put(metaFormat, []byte("1"))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestTheAnswersOfAnEarlierJournalGetNumbersOnceAndForAll(t *testing.T) {
	w := newWorld(t)
	old := []Proposal{proposed(payment(0, "a", "1")), proposed(payment(0, "b", "1")), ofLedger("ledger-2", 5, "x"), proposed(payment(1, "b", "1"))}
	before := w.record(old...)
	w.formerly()
	w.reopen()
	first := w.record(old...)
	w.reopen()
	if diff := cmp.Diff(first, w.record(old...)); diff != "" {
		t.Errorf("numbers that moved:\n%s", diff)
	}
	seen := map[uint64]bool{}
	for n, a := range first {
		if a.Receipt.Seq == 0 || a.Receipt.Seq > 3 || n != 2 && seen[a.Receipt.Seq] {
			t.Errorf("answer %d has number %d", n, a.Receipt.Seq)
		}
		seen[a.Receipt.Seq] = seen[a.Receipt.Seq] || n != 2
		a.Receipt, before[n].Receipt = signing.Receipt{}, signing.Receipt{}
		if diff := cmp.Diff(before[n], a); diff != "" {
			t.Errorf("answer %d:\n%s", n, diff)
		}
	}
	if got := seqs(w.record(proposed(payment(2, "c", "1")))); got[0] != 4 {
		t.Errorf("the next number is %d", got[0])
	}
}

func TestAnEarlierProgramDoesNotOpenAJournalWithLimits(t *testing.T) {
	w := newWorld(t)
	if err := w.db.View(func(tx *bolt.Tx) error {
		if got := string(tx.Bucket(meta).Get(metaFormat)); got == "1" || got == "2" {
			t.Error("a program that knows nothing of limits, or would not find what is signed, would go on with it")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
