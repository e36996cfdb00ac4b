package btctx

import (
	"bytes"
	"fmt"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/frame"
	"coffer.internal/signing"
)

// dustRate is the rate in sat per byte at which spending an output must not cost more than it holds: nodes do not pass on a
// transaction with a smaller output.
const dustRate = 3

// Check says why an intent can never be signed, or nil. It looks at the intent alone.
func Check(intent signing.Intent) *signing.Refusal {
	if _, why := read(intent); why != "" {
		return frame.Malformed(why)
	}
	return nil
}

// spending is a transaction that is what its intent says.
type spending struct {
	from  *btcutil.AddressWitnessPubKeyHash
	tx    *wire.MsgTx   // unsigned
	spent []*wire.TxOut // what each input spends
}

func (s *spending) fetcher() txscript.PrevOutputFetcher {
	spent := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range s.tx.TxIn {
		spent[in.PreviousOutPoint] = s.spent[i]
	}
	return txscript.NewMultiPrevOutFetcher(spent)
}

// read holds an intent's PSBT against the rest of it, and says why it is not what it should be.
func read(i signing.Intent) (s *spending, why string) {
	if why := frame.Check(i, derive.BTC); why != "" {
		return nil, why
	}
	params, err := derive.Network(i.ChainID)
	if err != nil {
		return nil, err.Error()
	}
	b := i.BTC
	if why := frame.Payment(i, b.To, b.Amount); why != "" {
		return nil, why
	}
	from, to, why := addresses(i, params)
	if why != "" {
		return nil, why
	}
	amount, why := frame.Number("amount", b.Amount, btcutil.MaxSatoshi)
	if why != "" {
		return nil, why
	}
	maxFee, why := frame.Number("max_fee", b.MaxFee, btcutil.MaxSatoshi)
	if why != "" {
		return nil, why
	}
	own, err := txscript.PayToAddrScript(from)
	if err != nil {
		return nil, fmt.Sprintf("from %q: %v", i.From, err)
	}
	theirs, err := txscript.PayToAddrScript(to)
	if err != nil {
		return nil, fmt.Sprintf("to %q: %v", b.To, err)
	}
	p, why := parse(b.PSBT)
	if why != "" {
		return nil, why
	}
	s = &spending{from: from, tx: p.UnsignedTx}
	if s.spent, why = inputs(p, own); why != "" {
		return nil, why
	}
	if why := outputs(s.tx, own, theirs, int64(amount)); why != "" {
		return nil, why
	}
	return s, fee(s, int64(maxFee))
}

// addresses wants payer and recipient in the one form that each has on the network.
func addresses(i signing.Intent, params *chaincfg.Params) (from *btcutil.AddressWitnessPubKeyHash, to btcutil.Address, why string) {
	payer, why := address("from", i.From, params)
	if why != "" {
		return nil, nil, why
	}
	from, ok := payer.(*btcutil.AddressWitnessPubKeyHash)
	if !ok {
		return nil, nil, fmt.Sprintf("from %q is no P2WPKH address", i.From)
	}
	to, why = address("to", i.BTC.To, params)
	return from, to, why
}

func address(name, s string, params *chaincfg.Params) (btcutil.Address, string) {
	a, err := btcutil.DecodeAddress(s, params)
	if err != nil || !a.IsForNet(params) || a.EncodeAddress() != s {
		return nil, fmt.Sprintf("%s %q is not an address of %s in its usual form", name, s, params.Name)
	}
	return a, ""
}

// outputs wants exactly one output that pays the recipient exactly, and otherwise nothing but one for the change.
func outputs(tx *wire.MsgTx, own, theirs []byte, amount int64) string {
	paid, change := 0, 0
	for n, out := range tx.TxOut {
		if out.Value < dust(out) {
			return fmt.Sprintf("output %d has %d sat, which is dust: nodes pass on %d or more", n, out.Value, dust(out))
		}
		switch {
		case bytes.Equal(out.PkScript, theirs):
			if out.Value != amount {
				return fmt.Sprintf("output %d pays the recipient %d sat, not %d", n, out.Value, amount)
			}
			paid++
		case bytes.Equal(out.PkScript, own):
			change++
		default:
			return fmt.Sprintf("output %d pays somebody else, with script %x", n, out.PkScript)
		}
	}
	if paid != 1 || change > 1 {
		return fmt.Sprintf("%d outputs pay the recipient and %d the payer; it must be one, and at most one for the change", paid, change)
	}
	return ""
}

// dust is the least that an output may hold, as Bitcoin Core reckons it: 67 more bytes spend a segwit output, 148 another.
func dust(out *wire.TxOut) int64 {
	size := int64(out.SerializeSize())
	if txscript.IsWitnessProgram(out.PkScript) {
		return (size + 67) * dustRate
	}
	return (size + 148) * dustRate
}

// fee wants the inputs to hold what the outputs do and at most the fee cap more.
func fee(s *spending, most int64) string {
	var in, out int64
	for _, spent := range s.spent {
		if in += spent.Value; in > btcutil.MaxSatoshi {
			return "its inputs hold more than there is"
		}
	}
	for _, o := range s.tx.TxOut {
		if out += o.Value; o.Value > btcutil.MaxSatoshi || out > btcutil.MaxSatoshi { // one alone could carry the sum round
			return "its outputs hold more than there is"
		}
	}
	switch fee := in - out; {
	case fee < 0:
		return fmt.Sprintf("its outputs hold %d sat more than its inputs", -fee)
	case fee > most:
		return fmt.Sprintf("its fee is %d sat, above max_fee %d", fee, most)
	}
	return ""
}
