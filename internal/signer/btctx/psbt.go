package btctx

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/psbt"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
)

const (
	// version of the transactions that are signed.
	version = 2
	// firstTime is the lowest lock time that is a time and not a block height.
	firstTime = 500_000_000
	// lowestSequence is the lowest sequence number without a relative lock time (BIP-68). It and the next let a fee be raised
	// later (BIP-125).
	lowestSequence = wire.MaxTxInSequenceNum - 2
)

// parse reads a PSBT, strictly: what was read must be, written again, the same bytes, so that nothing in them was passed over.
//
// The library panics at some PSBTs, such as one with an empty derivation path. Such an intent would never get an answer, nor would
// those that are asked with it.
func parse(b []byte) (p *psbt.Packet, why string) {
	defer func() {
		if broken := recover(); broken != nil {
			p, why = nil, fmt.Sprintf("psbt: %v", broken)
		}
	}()
	p, err := psbt.NewFromRawBytes(bytes.NewReader(b), false)
	if err != nil {
		return nil, fmt.Sprintf("psbt: %v", err)
	}
	var again bytes.Buffer
	if err := p.Serialize(&again); err != nil {
		return nil, fmt.Sprintf("psbt: %v", err)
	}
	if !bytes.Equal(again.Bytes(), b) {
		return nil, "psbt: not in its usual form: lengths, order of fields, or data after its end"
	}
	return p, ""
}

// inputs wants every input to spend an output of own, with its amount, and to leave nothing to chance. It returns what is spent.
func inputs(p *psbt.Packet, own []byte) (spent []*wire.TxOut, why string) {
	tx := p.UnsignedTx
	switch {
	case tx.Version != version:
		return nil, fmt.Sprintf("its version is %d, not %d", tx.Version, version)
	case tx.LockTime >= firstTime:
		return nil, fmt.Sprintf("its lock time %d is no block height", tx.LockTime)
	case len(tx.TxIn) == 0:
		return nil, "it spends nothing"
	case len(p.Unknowns) > 0:
		return nil, fmt.Sprintf("psbt: field %x is not known", p.Unknowns[0].Key)
	}
	seen := map[wire.OutPoint]bool{}
	for n, in := range tx.TxIn {
		at := in.PreviousOutPoint
		if seen[at] {
			return nil, fmt.Sprintf("it spends %s twice", at)
		}
		seen[at] = true
		if in.Sequence < lowestSequence {
			return nil, fmt.Sprintf("input %d has sequence %#x, a relative lock time", n, in.Sequence)
		}
		out, why := spends(p.Inputs[n], at, own)
		if why != "" {
			return nil, fmt.Sprintf("input %d, %s: %s", n, at, why)
		}
		spent = append(spent, out)
	}
	for n, o := range p.Outputs {
		if !reflect.DeepEqual(o, psbt.POutput{Bip32Derivation: o.Bip32Derivation}) {
			return nil, fmt.Sprintf("psbt: output %d has fields that are none of a P2WPKH payment", n)
		}
	}
	return spent, ""
}

// spends is the output that an input spends.
func spends(in psbt.PInput, at wire.OutPoint, own []byte) (out *wire.TxOut, why string) {
	known := psbt.PInput{
		NonWitnessUtxo: in.NonWitnessUtxo, WitnessUtxo: in.WitnessUtxo, SighashType: in.SighashType, Bip32Derivation: in.Bip32Derivation,
	}
	switch {
	case !reflect.DeepEqual(in, known):
		return nil, "it has a signature, a script, or other fields that are none of an unsigned P2WPKH input"
	case in.SighashType != 0 && in.SighashType != txscript.SigHashAll:
		return nil, fmt.Sprintf("sighash type %#x is not ALL", uint32(in.SighashType))
	case in.WitnessUtxo == nil && in.NonWitnessUtxo == nil:
		return nil, "the amount that it spends is missing"
	}
	out = in.WitnessUtxo
	if whole := in.NonWitnessUtxo; whole != nil {
		if whole.TxHash() != at.Hash || int64(at.Index) >= int64(len(whole.TxOut)) {
			return nil, "the transaction given for it has no such output"
		}
		there := whole.TxOut[at.Index]
		if out != nil && !psbt.TxOutsEqual(out, there) {
			return nil, "its two statements of what it spends differ"
		}
		out = there
	}
	switch {
	case !bytes.Equal(out.PkScript, own):
		return nil, "it spends no output of the payer's key"
	case out.Value <= 0 || out.Value > btcutil.MaxSatoshi:
		return nil, fmt.Sprintf("%d sat is no amount", out.Value)
	}
	return out, ""
}
