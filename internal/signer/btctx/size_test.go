package btctx

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/wire"
)

// The size told before signing is that of the signed transaction: exactly, or a fraction of a byte for each input less, never more.
func TestTheSizeIsThatOfTheSignedTransaction(t *testing.T) {
	for name, to := range recipients {
		p := payment(t)
		p.To = to
		fee, size, ok := FeeAndSize(p.Intent())
		if !ok || fee != p.Fee {
			t.Fatalf("%s: fee %d, %t", name, fee, ok)
		}
		raw, _, err := Sign(p.Intent(), testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		var tx wire.MsgTx
		if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
		weight := int64(tx.SerializeSizeStripped()*3 + tx.SerializeSize())
		real := (weight + 3) / 4
		if size > real || size < real-int64(len(tx.TxIn)) {
			t.Errorf("%s: %d virtual bytes, really %d", name, size, real)
		}
	}
	i := payment(t).Intent()
	i.BTC.Amount = "0"
	if _, _, ok := FeeAndSize(i); ok {
		t.Error("an intent that is refused has a size")
	}
}
