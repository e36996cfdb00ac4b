package signer

import (
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/go-cmp/cmp"

	"coffer.internal/signing"
)

func TestAReplacementAndACancellationAreSignedAsTheyAreMeant(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	from := newAddress(t, m)
	pay := payment(from, 7, "p")
	dearer, cancel, late := pay, pay, pay
	dearer.EVM = &signing.EVMTransfer{To: to, Amount: "1000", GasLimit: 30000, MaxFeePerGas: "60", MaxPriorityFeePerGas: "4"}
	cancel.Purpose = signing.PurposeCancel
	cancel.EVM = &signing.EVMTransfer{To: from, Amount: "0", GasLimit: 21000, MaxFeePerGas: "120", MaxPriorityFeePerGas: "8"}
	late.EVM = &signing.EVMTransfer{To: to, Amount: "1000", GasLimit: 21000, MaxFeePerGas: "240", MaxPriorityFeePerGas: "16"}
	asked := []signing.Intent{pay, dearer, cancel, late}
	first, err := m.Sign(t.Context(), signing.BatchOf(asked...))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []string{to + " 1000 60", from + " 0 120"} {
		var tx types.Transaction
		if err := tx.UnmarshalBinary(first[k+1].Raw); err != nil {
			t.Fatal(err)
		}
		if got := tx.To().Hex() + " " + tx.Value().String() + " " + tx.GasFeeCap().String(); got != want || tx.Nonce() != 7 {
			t.Errorf("signed %s at %d, not %s", got, tx.Nonce(), want)
		}
	}
	if r := first[3].Refusal; r == nil || r.Code != "cancelled" {
		t.Errorf("after the cancellation: %+v", first[3])
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	again, err := m.Sign(t.Context(), signing.BatchOf(asked...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("after a restart (-first +again):\n%s", diff)
	}
	if s, err := m.Released(t.Context(), ledger, "p"); err != nil || !s.Cancelled || s.Nonce != 7 {
		t.Errorf("%+v, %v", s, err)
	}
}
