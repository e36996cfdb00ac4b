package journal

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"coffer.internal/signing"
)

// format2 makes the journal one of format 2: all entries lie by their digests, slots and receipts are digests alone.
func (w *world) format2() {
	w.t.Helper()
	err := w.db.Update(func(tx *bolt.Tx) error {
		again := map[string][]byte{}
		c := tx.Bucket(signatures).Cursor()
		for n, value := c.First(); n != nil; n, value = c.Next() {
			again[string(n)] = bytes.Clone(value)
		}
		strip := func(b *bolt.Bucket) error {
			old := map[string][]byte{}
			_ = b.ForEach(func(k, v []byte) error {
				if f, ok := filedAt(v); ok { // a receipt
					old[string(k)] = f.digest[:]
					return w.inline(tx, f, again)
				}
				all, err := readFiled(v)
				for _, f := range all {
					old[string(k)] = append(old[string(k)], f.digest[:]...)
				}
				return err
			})
			for k, v := range old {
				if err := b.Put([]byte(k), v); err != nil {
					return err
				}
			}
			return nil
		}
		for _, b := range [][]byte{receipts, slots} {
			if err := strip(tx.Bucket(b)); err != nil {
				return err
			}
		}
		if err := tx.DeleteBucket(signatures); err != nil {
			return err
		}
		return tx.Bucket(meta).Put(metaFormat, []byte("2"))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) inline(tx *bolt.Tx, f filed, values map[string][]byte) error {
	if f.number == 0 {
		return nil
	}
	return tx.Bucket(entries).Put(f.digest[:], values[string(binary.BigEndian.AppendUint64(nil, f.number))])
}

func TestAJournalOfFormat2IsGoneOnWith(t *testing.T) {
	w := newWorld(t)
	refused := proposed(payment(0, "b", "1"))
	old := []Proposal{
		proposed(payment(0, "a", "1")), refused, proposed(paying(payment(0, "a", "1"), "40", "4")), bitcoin(1, "c", 0, 1), solana(2, "d", 1), proposed(payment(3, "e", "1")),
	}
	before := w.record(old...)
	w.format2()
	w.reopen()
	if diff := cmp.Diff(before, w.record(old...)); diff != "" {
		t.Fatalf("other answers than before:\n%s", diff)
	}
	more := []Proposal{
		proposed(paying(payment(0, "a", "1"), "50", "5")), proposed(paying(payment(0, "a", "1"), "45", "4")), proposed(cancellation(3, "e")), proposed(payment(4, "a", "1")),
		proposed(payment(3, "x", "1")), bitcoin(5, "f", 1), proposed(payment(6, "g", "1")), proposed(paying(cancellation(3, "e"), "60", "6")),
		proposed(paying(payment(0, "a", "1"), "60", "6")),
	}
	answers := w.record(more...)
	if got, want := briefs(answers), " signed fees_not_higher fees_not_higher payment_bound nonce_bound input_bound signed signed signed"; got != want {
		t.Errorf("got %s\nwant%s", got, want)
	}
	w.reopen()
	if diff := cmp.Diff(append(before, answers...), w.record(append(old, more...)...)); diff != "" {
		t.Errorf("other answers than before:\n%s", diff)
	}
	all, err := w.Entries(t.Context(), ledger, 0, 100)
	if err != nil || len(all) != len(old)+len(more) {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for n, e := range all {
		if diff := cmp.Diff(append(before, answers...)[n], e.Answer()); diff != "" {
			t.Errorf("entry %d:\n%s", n, diff)
		}
	}
}

func TestWhatIsSignedForASlotIsReadAsItWasWritten(t *testing.T) {
	w := newWorld(t)
	var want []filed
	for n := range uint64(40) { // lengths of all remainders
		f := filed{signing.Digest{byte(n)}, n * n}
		want = append(want, f)
		err := w.db.Update(func(tx *bolt.Tx) error {
			s := Slot{key: []byte("s")}
			if err := f.addTo(tx, s, n == 0); err != nil {
				return err
			}
			got, err := signedFor(tx, s)
			if !cmp.Equal(want, got, cmp.AllowUnexported(filed{})) {
				t.Errorf("%d are read as %+v", len(want), got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []int{1, 31, 33, 40, 41 + 32, 80} {
		if all, err := readFiled([]byte(strings.Repeat("x", bad))); err == nil {
			t.Errorf("%d bytes are read as %+v", bad, all)
		}
	}
	for _, bad := range []int{0, 31, 33, 41} {
		if f, ok := filedAt(make([]byte, bad)); ok {
			t.Errorf("%d bytes are read as %+v", bad, f)
		}
	}
}
