package btctx

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcutil/psbt"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/internal/signer/btctx/btctest"
)

// FuzzPSBTs gives any bytes as a PSBT. What is signed pays the recipient what the intent says and, but for the fee, nobody else.
func FuzzPSBTs(f *testing.F) {
	p := payment(f)
	plain := p.Intent()
	f.Add(plain.BTC.PSBT)
	f.Add(with(p, func(k *psbt.Packet) { spendParent(p, k) }).BTC.PSBT)
	f.Add(with(p, func(k *psbt.Packet) {
		k.Outputs[1].Bip32Derivation = []*psbt.Bip32Derivation{{PubKey: testKey(1).PubKey().SerializeCompressed(), Bip32Path: []uint32{1}}}
	}).BTC.PSBT)
	theirs, own := btctest.Script(regtest, p.To), btctest.Script(regtest, p.From)
	f.Fuzz(func(t *testing.T, b []byte) {
		i := plain
		part := *i.BTC
		part.PSBT = b
		i.BTC = &part
		if Check(i) != nil {
			if in := Inputs(i); in != nil {
				t.Errorf("refused, and it would take %v", in)
			}
			return
		}
		raw, hash, err := Sign(i, testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Verify(i, raw); err != nil || got != hash {
			t.Fatalf("%s, %v, want %s", got, err, hash)
		}
		tx := new(wire.MsgTx)
		if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
		paid := 0
		for _, out := range tx.TxOut {
			switch {
			case bytes.Equal(out.PkScript, theirs) && out.Value == p.Amount:
				paid++
			case !bytes.Equal(out.PkScript, own):
				t.Errorf("%d sat go to %x", out.Value, out.PkScript)
			}
		}
		if paid != 1 || len(tx.TxIn) != len(Inputs(i)) {
			t.Errorf("paid %d times out of %d outputs, %d are taken", paid, len(tx.TxIn), len(Inputs(i)))
		}
	})
}
