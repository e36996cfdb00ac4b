package nonce_test

import (
	"testing"

	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
)

func TestCallsThatCannotBeRightAreFoundWithoutADatabase(t *testing.T) {
	const a, b = "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
	faults := nonce.CheckSyncs([]nonce.SyncCall{
		{Address: a, ChainID: 1, To: 1},
		{Address: "0x1234...", ChainID: 1, To: 1},
		{Address: "0x1234...", ChainID: 1, To: 1},
		{Address: a, ChainID: 56, To: 1},
		{Address: b, ChainID: 1, To: nonce.MaxCursor + 1},
		{Address: "0x52908400098527886e0f7030069857d2e4169ee7", ChainID: 1, To: 2},
	})
	want := []struct {
		row, twin   int
		field, code string
	}{
		{1, -1, "address", "address_shortened"}, {2, -1, "address", "address_shortened"},
		{4, -1, "chain_nonce", "nonce_too_high"}, {5, 0, "address", "wallet_twice"},
	}
	if len(faults) != len(want) {
		t.Fatalf("%+v", faults)
	}
	for i, w := range want {
		if f := faults[i]; f.Row != w.row || f.Twin != w.twin || f.Field() != w.field || fault.Code(f.Err) != w.code {
			t.Errorf("%+v, want %+v", f, w)
		}
	}
}
