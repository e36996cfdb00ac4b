// Package btctx signs Bitcoin payments: PSBTs (BIP-174, version 0) whose inputs are all P2WPKH outputs of the paying key.
//
// Nothing is signed blind. A PSBT is read whole and must come to what its intent says: one output pays To exactly Amount, at
// most one more goes back to From, the fee is at most MaxFee. Whatever it carries beyond that is refused.
//
// The amount of an input is what the asker says it is, and a lie about it is harmless. The signature of a segwit input commits
// to that input's own amount (BIP-143): with a wrong one it is not valid. The known attack has the same inputs signed twice,
// each time with a lie about another one, and puts the two true signatures together, which burns the difference as a fee.
// Here it has no second round: the journal gives an outpoint to one payload, for ever.
package btctx

import (
	"bytes"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/signing"
)

// Sign signs every input of a checked intent and finalises it. It is deterministic (RFC 6979): the same intent and key give the
// same bytes. raw is the transaction as the network takes it, hash its txid.
func Sign(intent signing.Intent, key *btcec.PrivateKey) (raw []byte, hash string, err error) {
	s, why := read(intent)
	if why != "" {
		return nil, "", fmt.Errorf("sign: %s", why)
	}
	public := key.PubKey().SerializeCompressed()
	if !bytes.Equal(s.from.ScriptAddress(), btcutil.Hash160(public)) {
		return nil, "", fmt.Errorf("sign: the key is not that of %s", intent.From)
	}
	tx := s.tx.Copy()
	hashes := txscript.NewTxSigHashes(tx, s.fetcher())
	for i, spent := range s.spent {
		signature, err := signInput(tx, hashes, i, spent.Value, spent.PkScript, key)
		if err != nil {
			return nil, "", fmt.Errorf("sign input %d: %w", i, err)
		}
		tx.TxIn[i].Witness = wire.TxWitness{signature, public}
	}
	var out bytes.Buffer
	if err := tx.Serialize(&out); err != nil {
		return nil, "", fmt.Errorf("sign: %w", err)
	}
	return out.Bytes(), tx.TxHash().String(), nil
}

// signInput signs one segwit v0 input (BIP-143) with SIGHASH_ALL: the signature commits to every input and every output. script
// is the P2WPKH output's own, or the witness script of a P2WSH output.
func signInput(tx *wire.MsgTx, hashes *txscript.TxSigHashes, i int, amount int64, script []byte, key *btcec.PrivateKey) ([]byte, error) {
	return txscript.RawTxInWitnessSignature(tx, hashes, i, amount, script, txscript.SigHashAll, key)
}

// Inputs are the outpoints that an intent spends, as txid:vout. Of one that Check refuses it says nothing.
func Inputs(intent signing.Intent) []string {
	s, why := read(intent)
	if why != "" {
		return nil
	}
	inputs := make([]string, len(s.tx.TxIn))
	for i, in := range s.tx.TxIn {
		inputs[i] = in.PreviousOutPoint.String()
	}
	return inputs
}
