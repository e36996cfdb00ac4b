package btctx

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/hdkeychain"
	"github.com/btcsuite/btcd/btcutil/psbt"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/signing"
)

func readVectors(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type bip174 struct {
	Invalid, Valid []struct {
		Name string
		PSBT []byte
	}
	FailsSigner []struct {
		Name string
		PSBT []byte
	} `json:"fails_signer"`
	Signer struct {
		Master            string
		Updated, Combined []byte
	}
}

func TestTheVectorsOfBIP174(t *testing.T) {
	var v bip174
	readVectors(t, "bip174.json", &v)
	for _, c := range v.Invalid {
		if _, why := parse(c.PSBT); why == "" {
			t.Errorf("invalid, and read: %s", c.Name)
		}
	}
	for _, c := range v.Valid {
		if _, why := parse(c.PSBT); why != "" {
			t.Errorf("valid, and not read: %s: %s", c.Name, why)
		}
	}
	// None of any kind is a payment of ours, and none gets a signature.
	i := payment(t).Intent()
	for _, c := range append(append(v.Invalid, v.Valid...), v.FailsSigner...) {
		i.BTC.PSBT = c.PSBT
		if r := Check(i); r == nil || r.Kind != signing.RefusedForGood {
			t.Errorf("not refused: %s: %+v", c.Name, r)
		}
	}
	t.Logf("BIP-174: %d invalid, %d valid, %d that a signer refuses", len(v.Invalid), len(v.Valid), len(v.FailsSigner))
}

// The signer of BIP-174's example has a legacy input, which is not signed here, and a P2SH-P2WSH one of two keys.
func TestTheSignerOfBIP174(t *testing.T) {
	var v bip174
	readVectors(t, "bip174.json", &v)
	master, err := hdkeychain.NewKeyFromString(v.Signer.Master)
	if err != nil {
		t.Fatal(err)
	}
	updated, why := parse(v.Signer.Updated)
	if why != "" {
		t.Fatal(why)
	}
	combined, err := psbt.NewFromRawBytes(bytes.NewReader(v.Signer.Combined), false) // its signatures are in another order than btcd's
	if err != nil {
		t.Fatal(err)
	}
	in := updated.Inputs[1]
	hashes := txscript.NewTxSigHashes(updated.UnsignedTx, txscript.NewCannedPrevOutputFetcher(in.WitnessUtxo.PkScript, in.WitnessUtxo.Value))
	signed := map[string][]byte{}
	for n := uint32(0); n < 6; n++ {
		key := child(t, master, 0, 0, n)
		public := key.PubKey().SerializeCompressed()
		for _, d := range in.Bip32Derivation {
			if !bytes.Equal(d.PubKey, public) {
				continue
			}
			if signed[string(public)], err = signInput(updated.UnsignedTx, hashes, 1, in.WitnessUtxo.Value, in.WitnessScript, key); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(signed) != 2 || len(combined.Inputs[1].PartialSigs) != 2 {
		t.Fatalf("%d keys of the input found, the BIP has %d", len(signed), len(combined.Inputs[1].PartialSigs))
	}
	for _, want := range combined.Inputs[1].PartialSigs {
		if got := signed[string(want.PubKey)]; !bytes.Equal(got, want.Signature) {
			t.Errorf("key %x signs %x, in the BIP %x", want.PubKey, got, want.Signature)
		}
	}
}

// child is the key at m/a'/b'/….
func child(t *testing.T, key *hdkeychain.ExtendedKey, path ...uint32) *btcec.PrivateKey {
	t.Helper()
	var err error
	for _, n := range path {
		if key, err = key.Derive(hdkeychain.HardenedKeyStart + n); err != nil {
			t.Fatal(err)
		}
	}
	private, err := key.ECPrivKey()
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func TestTheVectorsOfBIP143(t *testing.T) {
	var v struct {
		Vectors []struct {
			Name, Tx, Script, Key, Signature string
			Input                            int
			Amount                           int64
		}
	}
	readVectors(t, "bip143.json", &v)
	for _, c := range v.Vectors {
		tx := new(wire.MsgTx)
		if err := tx.DeserializeNoWitness(bytes.NewReader(unhex(t, c.Tx))); err != nil {
			t.Fatal(err)
		}
		script := unhex(t, c.Script)
		hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(script, c.Amount))
		key, _ := btcec.PrivKeyFromBytes(unhex(t, c.Key))
		got, err := signInput(tx, hashes, c.Input, c.Amount, script, key)
		if err != nil || hex.EncodeToString(got) != c.Signature {
			t.Errorf("%s: %x, %v, want %s", c.Name, got, err, c.Signature)
		}
	}
	t.Logf("BIP-143: %d vectors", len(v.Vectors))
}

// What is passed over by a reader is signed by nobody, but may be read otherwise by the next.
func TestAPSBTHasOneForm(t *testing.T) {
	good := payment(t).Intent().BTC.PSBT
	if _, why := parse(good); why != "" {
		t.Fatal(why)
	}
	script := []byte{22, 0, 20} // length of a P2WPKH script, which stands in the statement of what is spent
	at := bytes.Index(good, script)
	for name, bad := range map[string][]byte{
		"data after its end":     append(bytes.Clone(good), 0),
		"a length that is wrong": append(append(bytes.Clone(good[:at]), 21), good[at+1:]...),
		"half of it":             good[:len(good)/2],
	} {
		if _, why := parse(bad); why == "" {
			t.Errorf("%s: read", name)
		}
	}
	if at < 0 || !strings.HasPrefix(string(good), "psbt\xff") {
		t.Error("the PSBT has another form than this test thinks")
	}
}

// FuzzCheck hands anything in as a PSBT: it is refused or it is a payment of ours, which is then signed.
func FuzzCheck(f *testing.F) {
	var v bip174
	readVectors(f, "bip174.json", &v)
	for _, c := range append(append(v.Invalid, v.Valid...), v.FailsSigner...) {
		f.Add(c.PSBT)
	}
	p := payment(f)
	good := p.Intent()
	f.Add(good.BTC.PSBT)
	f.Add(with(p, func(k *psbt.Packet) { k.Inputs[0].SighashType = txscript.SigHashSingle }).BTC.PSBT)
	key := testKey(1)
	f.Fuzz(func(t *testing.T, b []byte) {
		part := *good.BTC
		part.PSBT = b
		i := good
		i.BTC = &part
		_, _, err := Sign(i, key)
		if refused := Check(i) != nil; refused != (err != nil) || refused != (Inputs(i) == nil) {
			t.Errorf("refused %v, signed %v, inputs %v", refused, err, Inputs(i))
		}
	})
}
