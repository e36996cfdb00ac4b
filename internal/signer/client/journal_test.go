package client_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/signing"
)

func TestTheJournalIsReadThroughTheSocket(t *testing.T) {
	m, addr := serve(t)
	c := dial(t, addr)
	k, err := m.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	intents := payments(k.Address, 3)
	intents[1].Nonce = 0 // refused
	answers, err := c.Sign(t.Context(), signing.BatchOf(intents...))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := c.Entries(t.Context(), ledger, 1, 10)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for n, e := range entries {
		if diff := cmp.Diff(answers[n+1], e.Answer()); diff != "" || string(e.Intent) != string(intents[n+1].Canonical()) || e.At.IsZero() {
			t.Errorf("entry %d of %s at %s:\n%s", n, e.Intent, e.At, diff)
		}
	}
	if n, err := c.Highest(t.Context(), ledger); n != 3 || err != nil {
		t.Errorf("highest %d, %v", n, err)
	}
	if n, err := c.Highest(t.Context(), "nobody"); n != 0 || err != nil {
		t.Errorf("highest of nobody %d, %v", n, err)
	}
}
