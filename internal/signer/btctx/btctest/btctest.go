// Package btctest makes PSBTs for tests, as the paying side of coffer will.
package btctest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/psbt"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// Payment is a payment of Amount sat to To, out of outputs of From that hold Each sat; the rest but for Fee goes back.
type Payment struct {
	ChainID     int64
	From, To    string
	Amount, Fee int64
	Each        int64
	Outputs     []string // names of the outputs that are spent: each is an outpoint
	Ledger, ID  string
	Nonce       uint64
}

// Script is the output script of an address.
func Script(chainID int64, address string) []byte {
	params, err := derive.Network(chainID)
	must(err)
	a, err := btcutil.DecodeAddress(address, params)
	must(err)
	script, err := txscript.PayToAddrScript(a)
	must(err)
	return script
}

// Outpoint is the outpoint of a name.
func Outpoint(name string) wire.OutPoint {
	return wire.OutPoint{Hash: sha256.Sum256([]byte(name)), Index: uint32(len(name))}
}

// Packet is the payment's PSBT.
func (p Payment) Packet() *psbt.Packet {
	tx := wire.NewMsgTx(2)
	for _, name := range p.Outputs {
		in := wire.NewTxIn(new(wire.OutPoint), nil, nil)
		in.PreviousOutPoint, in.Sequence = Outpoint(name), wire.MaxTxInSequenceNum-2
		tx.AddTxIn(in)
	}
	tx.AddTxOut(wire.NewTxOut(p.Amount, Script(p.ChainID, p.To)))
	if rest := p.Each*int64(len(p.Outputs)) - p.Amount - p.Fee; rest > 0 {
		tx.AddTxOut(wire.NewTxOut(rest, Script(p.ChainID, p.From)))
	}
	packet, err := psbt.NewFromUnsignedTx(tx)
	must(err)
	for i := range packet.Inputs {
		packet.Inputs[i].WitnessUtxo = wire.NewTxOut(p.Each, Script(p.ChainID, p.From))
	}
	return packet
}

// Intent is the payment's intent.
func (p Payment) Intent() signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: p.Ledger, Payment: p.ID, Purpose: signing.PurposePayment, ChainType: derive.BTC, ChainID: p.ChainID,
		From: p.From, Nonce: p.Nonce,
		BTC: &signing.BTCTransfer{To: p.To, Amount: strconv.FormatInt(p.Amount, 10), MaxFee: strconv.FormatInt(p.Fee, 10), PSBT: Encode(p.Packet())},
	}
}

// Encode is a PSBT's bytes.
func Encode(p *psbt.Packet) []byte {
	var b bytes.Buffer
	must(p.Serialize(&b))
	return b.Bytes()
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("btctest: %v", err))
	}
}
