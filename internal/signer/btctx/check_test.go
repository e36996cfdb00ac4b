package btctx

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/psbt"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/signing"
)

// parent is a whole transaction whose output number n holds what an input spends.
func parent(p btctest.Payment, n uint32) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{1}}, []byte{txscript.OP_TRUE}, nil))
	for range n {
		tx.AddTxOut(wire.NewTxOut(5_000_000, btctest.Script(regtest, stranger)))
	}
	tx.AddTxOut(wire.NewTxOut(p.Each, btctest.Script(regtest, p.From)))
	return tx
}

// spendParent has input 0 spend that transaction's output, and say so by the whole transaction.
func spendParent(p btctest.Payment, packet *psbt.Packet) {
	whole := parent(p, 1)
	packet.UnsignedTx.TxIn[0].PreviousOutPoint = wire.OutPoint{Hash: whole.TxHash(), Index: 1}
	packet.Inputs[0].NonWitnessUtxo = whole
}

func TestPaymentsInOrderAreSigned(t *testing.T) {
	p := payment(t)
	cases := map[string]signing.Intent{
		"with its usual fields":         p.Intent(),
		"with the sighash type written": with(p, func(k *psbt.Packet) { k.Inputs[0].SighashType = txscript.SigHashAll }),
		"below the block that comes":    with(p, func(k *psbt.Packet) { k.UnsignedTx.LockTime = 870_000 }),
		"that is final at once": with(p, func(k *psbt.Packet) {
			k.UnsignedTx.TxIn[0].Sequence, k.UnsignedTx.TxIn[1].Sequence = wire.MaxTxInSequenceNum, wire.MaxTxInSequenceNum-1
		}),
		"with the change first": with(p, func(k *psbt.Packet) {
			k.UnsignedTx.TxOut[0], k.UnsignedTx.TxOut[1] = k.UnsignedTx.TxOut[1], k.UnsignedTx.TxOut[0]
		}),
		"with a whole transaction and the output": with(p, func(k *psbt.Packet) { spendParent(p, k) }),
		"with a whole transaction alone":          with(p, func(k *psbt.Packet) { spendParent(p, k); k.Inputs[0].WitnessUtxo = nil }),
		"with derivation paths": with(p, func(k *psbt.Packet) {
			k.Inputs[0].Bip32Derivation = []*psbt.Bip32Derivation{{PubKey: testKey(1).PubKey().SerializeCompressed(), Bip32Path: []uint32{1}}}
			k.Outputs[1].Bip32Derivation = k.Inputs[0].Bip32Derivation
		}),
	}
	all := p
	all.Amount, all.Fee = 199_000, 1_000
	cases["without change"] = all.Intent()
	for kind, to := range recipients {
		p := p
		p.To = to
		cases["to "+kind] = p.Intent()
	}
	for name, i := range cases {
		if r := Check(i); r != nil {
			t.Errorf("%s: %s", name, r.Reason)
		}
	}
}

func TestPaymentsOutOfOrderAreRefusedForGood(t *testing.T) {
	p := payment(t)
	say := func(change func(*signing.Intent)) signing.Intent {
		i := p.Intent()
		change(&i)
		return i
	}
	psbtWith := func(change func(*psbt.Packet)) signing.Intent { return with(p, change) }
	strange := btctest.Script(regtest, stranger)
	fee := p
	fee.Fee = 1_001
	rich := p // two outputs hold all that there is, each; one of them would be the fee
	rich.Each, rich.Fee = btcutil.MaxSatoshi, btcutil.MaxSatoshi
	for name, c := range map[string]struct {
		intent signing.Intent
		want   string
	}{
		// the intent's own words
		"version 2":              {say(func(i *signing.Intent) { i.Version = 2 }), "version 2"},
		"another chain type":     {say(func(i *signing.Intent) { i.ChainType = "evm" }), `chain type "evm" is not btc`},
		"two chain parts":        {say(func(i *signing.Intent) { i.EVM = &signing.EVMTransfer{} }), "and no other"},
		"no chain part":          {say(func(i *signing.Intent) { i.BTC = nil }), "and no other"},
		"no such network":        {say(func(i *signing.Intent) { i.ChainID = 9 }), "no chain id 9"},
		"no ledger":              {say(func(i *signing.Intent) { i.Ledger = "" }), "no ledger id"},
		"a number above 2^53":    {say(func(i *signing.Intent) { i.Nonce = signing.MaxNonce + 1 }), "above 2^53"},
		"a cancellation":         {say(func(i *signing.Intent) { i.Purpose = signing.PurposeCancel }), "is cancelled on EVM only"},
		"a gap fill":             {say(func(i *signing.Intent) { i.Purpose, i.Payment = signing.PurposeGapFill, "" }), "no gap to fill"},
		"another purpose":        {say(func(i *signing.Intent) { i.Purpose = "gift" }), `purpose "gift"`},
		"no payment id":          {say(func(i *signing.Intent) { i.Payment = "" }), "without a payment id"},
		"a payment of nothing":   {say(func(i *signing.Intent) { i.BTC.Amount = "0" }), "of nothing"},
		"a payment to itself":    {say(func(i *signing.Intent) { i.BTC.To = i.From }), "to its own wallet"},
		"from no P2WPKH":         {say(func(i *signing.Intent) { i.From = recipients["P2PKH"] }), "no P2WPKH address"},
		"upper case":             {say(func(i *signing.Intent) { i.BTC.To = strings.ToUpper(i.BTC.To) }), "usual form"},
		"another network's":      {say(func(i *signing.Intent) { i.BTC.To = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu" }), "not an address of regtest"},
		"another network's base": {say(func(i *signing.Intent) { i.BTC.To = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2" }), "not an address of regtest"},
		"a bare public key": {say(func(i *signing.Intent) {
			i.BTC.To = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
		}), "usual form"},
		"an amount with a zero in front": {say(func(i *signing.Intent) { i.BTC.Amount = "0150000" }), "amount"},
		"more than there is":             {say(func(i *signing.Intent) { i.BTC.Amount = "2100000000000001" }), "amount"},
		"no fee cap":                     {say(func(i *signing.Intent) { i.BTC.MaxFee = "" }), "max_fee"},

		// the PSBT itself
		"no PSBT":              {say(func(i *signing.Intent) { i.BTC.PSBT = []byte("psbt") }), "psbt: "},
		"data after its end":   {say(func(i *signing.Intent) { i.BTC.PSBT = append(i.BTC.PSBT, 0) }), "after its end"},
		"an unknown field":     {psbtWith(func(k *psbt.Packet) { k.Unknowns = []*psbt.Unknown{{Key: []byte{0xfb}, Value: []byte{2, 0, 0, 0}}} }), "field fb is not known"},
		"one unknown in input": {psbtWith(func(k *psbt.Packet) { k.Inputs[0].Unknowns = []*psbt.Unknown{{Key: []byte{0x33}, Value: []byte{1}}} }), "other fields"},
		"version 1":            {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.Version = 1 }), "version is 1"},
		"locked until a time":  {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.LockTime = 1_900_000_000 }), "no block height"},
		"locked for a while":   {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxIn[1].Sequence = 144 }), "relative lock time"},
		"an output's script":   {psbtWith(func(k *psbt.Packet) { k.Outputs[0].WitnessScript = []byte{1} }), "output 0 has fields"},

		// what it spends
		"nothing":                       {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxIn, k.Inputs = nil, nil }), "it spends nothing"},
		"another sighash type":          {psbtWith(func(k *psbt.Packet) { k.Inputs[1].SighashType = txscript.SigHashNone }), "sighash type 0x2 is not ALL"},
		"ALL, but anyone can pay":       {psbtWith(func(k *psbt.Packet) { k.Inputs[0].SighashType = txscript.SigHashAll | txscript.SigHashAnyOneCanPay }), "is not ALL"},
		"a missing amount":              {psbtWith(func(k *psbt.Packet) { k.Inputs[1].WitnessUtxo = nil }), "the amount that it spends is missing"},
		"an amount of nothing":          {psbtWith(func(k *psbt.Packet) { k.Inputs[1].WitnessUtxo.Value = 0 }), "0 sat is no amount"},
		"a negative amount":             {psbtWith(func(k *psbt.Packet) { k.Inputs[1].WitnessUtxo.Value = -1 }), "-1 sat is no amount"},
		"an output of another key":      {psbtWith(func(k *psbt.Packet) { k.Inputs[1].WitnessUtxo.PkScript = strange }), "no output of the payer's key"},
		"the same output twice":         {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxIn[1].PreviousOutPoint = k.UnsignedTx.TxIn[0].PreviousOutPoint }), "twice"},
		"a whole transaction of others": {psbtWith(func(k *psbt.Packet) { k.Inputs[0].NonWitnessUtxo = parent(p, 1) }), "no such output"},
		"an output that is not there": {psbtWith(func(k *psbt.Packet) {
			spendParent(p, k)
			k.UnsignedTx.TxIn[0].PreviousOutPoint.Index = 2
		}), "no such output"},
		"two amounts": {psbtWith(func(k *psbt.Packet) { spendParent(p, k); k.Inputs[0].WitnessUtxo.Value++ }), "statements of what it spends differ"},
		"a signature of somebody": {psbtWith(func(k *psbt.Packet) {
			signature := append([]byte{0x30, 6, 2, 1, 1, 2, 1, 1}, byte(txscript.SigHashAll))
			k.Inputs[0].PartialSigs = []*psbt.PartialSig{{PubKey: testKey(2).PubKey().SerializeCompressed(), Signature: signature}}
		}), "it has a signature"},
		"an input that is finished": {psbtWith(func(k *psbt.Packet) { k.Inputs[0].FinalScriptWitness = []byte{1, 0} }), "it has a signature"},
		"a redeem script":           {psbtWith(func(k *psbt.Packet) { k.Inputs[0].RedeemScript = btctest.Script(regtest, p.From) }), "it has a signature"},

		// whom it pays
		"another recipient":         {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[0].PkScript = strange }), "pays somebody else"},
		"another amount":            {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[0].Value++ }), "pays the recipient 150001 sat, not 150000"},
		"change to a stranger":      {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[1].PkScript = strange }), "output 1 pays somebody else"},
		"a third output":            {psbtWith(func(k *psbt.Packet) { add(k, wire.NewTxOut(600, strange)) }), "output 2 pays somebody else"},
		"data for the chain":        {psbtWith(func(k *psbt.Packet) { add(k, wire.NewTxOut(600, []byte{txscript.OP_RETURN})) }), "output 2 pays somebody else"},
		"the recipient twice":       {psbtWith(func(k *psbt.Packet) { add(k, wire.NewTxOut(150_000, k.UnsignedTx.TxOut[0].PkScript)) }), "2 outputs pay the recipient"},
		"change in two parts":       {psbtWith(func(k *psbt.Packet) { add(k, wire.NewTxOut(600, k.UnsignedTx.TxOut[1].PkScript)) }), "2 the payer"},
		"the recipient not at all":  {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut, k.Outputs = k.UnsignedTx.TxOut[1:], k.Outputs[1:] }), "0 outputs pay the recipient"},
		"dust":                      {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[1].Value = 293 }), "which is dust: nodes pass on 294 or more"},
		"inputs beyond all bitcoin": {rich.Intent(), "its inputs hold more than there is"},
		"a fee above the cap":       {say(func(i *signing.Intent) { i.BTC.PSBT = fee.Intent().BTC.PSBT }), "its fee is 1001 sat, above max_fee 1000"},
		"more out than in":          {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[1].Value += 1_001 }), "1 sat more than its inputs"},
		"a sum that goes round":     {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[1].Value = math.MaxInt64 }), "more than there is"},
		"change beyond all bitcoin": {psbtWith(func(k *psbt.Packet) { k.UnsignedTx.TxOut[1].Value = 1 << 62 }), "more than there is"},
	} {
		r := Check(c.intent)
		if r == nil || r.Kind != signing.RefusedForGood || r.Code != "malformed" || !strings.Contains(r.Reason, c.want) {
			t.Errorf("%s: %+v, want %q", name, r, c.want)
		}
		if in := Inputs(c.intent); in != nil {
			t.Errorf("%s: it would take %v", name, in)
		}
		if raw, _, err := Sign(c.intent, testKey(1)); err == nil {
			t.Errorf("%s: signed %x", name, raw)
		}
	}
}

// The library panics at a derivation path without the key's fingerprint.
func TestAPSBTThatBreaksItsReaderIsRefused(t *testing.T) {
	defer func() {
		if broken := recover(); broken != nil {
			t.Errorf("panic: %v", broken)
		}
	}()
	p := payment(t)
	packet := p.Packet()
	key := testKey(1).PubKey().SerializeCompressed()
	packet.Outputs[1].Bip32Derivation = []*psbt.Bip32Derivation{{PubKey: key}}
	i := p.Intent()
	i.BTC.PSBT = bytes.Replace(btctest.Encode(packet), append(bytes.Clone(key), 4, 0, 0, 0, 0), append(bytes.Clone(key), 0), 1)
	if r := Check(i); r == nil || r.Code != "malformed" || !strings.HasPrefix(r.Reason, "psbt: ") {
		t.Errorf("%+v", r)
	}
}

func add(k *psbt.Packet, out *wire.TxOut) {
	k.UnsignedTx.AddTxOut(out)
	k.Outputs = append(k.Outputs, psbt.POutput{})
}

func TestTheInputsOfAPaymentAreItsOutpoints(t *testing.T) {
	got := Inputs(payment(t).Intent())
	want := []string{btctest.Outpoint("a").String(), btctest.Outpoint("bb").String()}
	if strings.Join(got, " ") != strings.Join(want, " ") || !strings.HasSuffix(got[0], ":1") {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSigningIsDeterministicAndOnlyWithTheRightKey(t *testing.T) {
	i := payment(t).Intent()
	a, hashA, errA := Sign(i, testKey(1))
	b, hashB, errB := Sign(i, testKey(1))
	if errA != nil || errB != nil || !bytes.Equal(a, b) || hashA != hashB {
		t.Errorf("%x %s %v, then %x %s %v", a, hashA, errA, b, hashB, errB)
	}
	if _, _, err := Sign(i, testKey(2)); err == nil {
		t.Error("signed for an address of another key")
	}
}
