package btctx

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/signing"
)

func TestWhatWasAskedForIsTakenAndNothingElse(t *testing.T) {
	p := payment(t)
	i := p.Intent()
	raw, hash, err := Sign(i, testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Verify(i, raw); err != nil || got != hash {
		t.Errorf("%s, %v, want %s", got, err, hash)
	}
	changed := func(change func(*wire.MsgTx)) []byte {
		tx := new(wire.MsgTx)
		if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
		change(tx)
		var b bytes.Buffer
		if err := tx.Serialize(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	other := p
	other.To = recipients["P2TR"]
	of := func(i signing.Intent) []byte {
		raw, _, err := Sign(i, testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, bad := range map[string][]byte{
		"nothing":              nil,
		"half of it":           raw[:len(raw)/2],
		"more than it":         append(bytes.Clone(raw), 0),
		"another recipient":    of(other.Intent()),
		"another amount":       changed(func(tx *wire.MsgTx) { tx.TxOut[0].Value++ }),
		"change to a stranger": changed(func(tx *wire.MsgTx) { tx.TxOut[1].PkScript = btctest.Script(regtest, stranger) }),
		"an input less":        changed(func(tx *wire.MsgTx) { tx.TxIn = tx.TxIn[:1] }),
		"another sighash type": changed(func(tx *wire.MsgTx) {
			s, _ := read(i)
			hashes := txscript.NewTxSigHashes(tx, s.fetcher())
			var err error
			if tx.TxIn[0].Witness, err = txscript.WitnessSignature(tx, hashes, 0, s.spent[0].Value, s.spent[0].PkScript, txscript.SigHashNone, testKey(1), true); err != nil {
				t.Fatal(err)
			}
		}),
		"another input's answer": changed(func(tx *wire.MsgTx) { tx.TxIn[0].Witness = tx.TxIn[1].Witness }),
		"an input not signed":    changed(func(tx *wire.MsgTx) { tx.TxIn[1].Witness = nil }),
		"a script":               changed(func(tx *wire.MsgTx) { tx.TxIn[1].SignatureScript = []byte{0x51} }),
		"another lock time":      changed(func(tx *wire.MsgTx) { tx.LockTime = 1 }),
	} {
		if got, err := Verify(i, bad); err == nil {
			t.Errorf("%s: taken as %s", name, got)
		}
	}
}
