package signer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

func TestAnAnswerHasAReceiptThatAnybodyCanVerify(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	batch := signing.BatchOf(payment(from, 0, "a"), payment(from, 0, "b"), payment(from, 1, "b"))
	first, err := m.Sign(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	st, err := m.Status(t.Context())
	if err != nil || signing.Fingerprint(st.Identity) != st.Device {
		t.Fatalf("the identity key is %x, device %s, %v", st.Identity, st.Device, err)
	}
	for n, a := range first {
		if err := signing.VerifyReceipt(st.Identity, ledger, a); err != nil || a.Receipt.Seq != uint64(n+1) {
			t.Errorf("answer %d has receipt %d: %v", n, a.Receipt.Seq, err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	again, err := m.Sign(t.Context(), batch)
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("another receipt for the same answer: %v\n%s", err, diff)
	}
	entries, err := m.Entries(t.Context(), ledger, 0, 10)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for n, e := range entries {
		if diff := cmp.Diff(first[n], e.Answer()); diff != "" {
			t.Errorf("entry %d:\n%s", n, diff)
		}
	}
}

func TestALockedMachineTellsItsHighestNumberAndSignsNoReceipt(t *testing.T) {
	m, from := newMachine(t)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payment(from, 0, "a"))); err != nil {
		t.Fatal(err)
	}
	m.Lock()
	if n, err := m.Highest(t.Context(), ledger); n != 1 || err != nil {
		t.Errorf("highest %d, %v", n, err)
	}
	if got, err := m.Entries(t.Context(), ledger, 0, 10); fault.Code(err) != "locked" {
		t.Errorf("%d entries with receipts of zeroes, %v", len(got), err)
	}
}
