package btctx

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/signing"
)

// Verify says whether raw is exactly the transaction of an intent with every input signed, and what its txid is. It is for the side
// that asked: a script engine runs each input with the amount that the intent gives it. To that, a signature of another sighash type
// than ALL is good as well, and it would let others change the transaction: none is taken.
func Verify(intent signing.Intent, raw []byte) (hash string, err error) {
	s, why := read(intent)
	if why != "" {
		return "", errors.New(why)
	}
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
		return "", fmt.Errorf("the bytes are no transaction: %w", err)
	}
	var again bytes.Buffer
	if err := tx.Serialize(&again); err != nil || !bytes.Equal(again.Bytes(), raw) {
		return "", errors.New("the bytes are not the transaction's one encoding")
	}
	if got, want := tx.TxHash(), s.tx.TxHash(); got != want { // it covers all but the witnesses
		return "", fmt.Errorf("it is transaction %s, asked was %s", got, want)
	}
	fetcher := s.fetcher()
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i, spent := range s.spent {
		if w := tx.TxIn[i].Witness; len(w) == 0 || !bytes.HasSuffix(w[0], []byte{byte(txscript.SigHashAll)}) {
			return "", fmt.Errorf("input %d is not signed with sighash type ALL", i)
		}
		engine, err := txscript.NewEngine(spent.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, spent.Value, fetcher)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return "", fmt.Errorf("input %d is not signed: %w", i, err)
		}
	}
	return tx.TxHash().String(), nil
}
