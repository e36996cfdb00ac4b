package evmtx

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"coffer.internal/signing"
)

// Verify says whether raw is exactly the transaction of an intent, signed by its From, and what its hash is.
func Verify(intent signing.Intent, raw []byte) (hash string, err error) {
	if r := Check(intent); r != nil {
		return "", errors.New(r.Reason)
	}
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(raw); err != nil {
		return "", fmt.Errorf("the bytes are no transaction: %w", err)
	}
	if again, err := tx.MarshalBinary(); err != nil || !bytes.Equal(again, raw) {
		return "", errors.New("the bytes are not the transaction's one encoding")
	}
	signer := types.LatestSignerForChainID(big.NewInt(intent.ChainID))
	if signer.Hash(tx) != signer.Hash(types.NewTx(build(intent))) { // what is signed: all fields and the chain id
		return "", errors.New("it is not the transaction that was asked for")
	}
	if sender, err := types.Sender(signer, tx); err != nil || sender != common.HexToAddress(intent.From) {
		return "", fmt.Errorf("it is not signed by %s", intent.From)
	}
	return tx.Hash().Hex(), nil
}
