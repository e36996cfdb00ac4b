package evmtx

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
)

// encode writes a transaction: with the signature (R, S and the recovery id, 65 bytes) as the network takes it, without one as what is
// signed. It is what types.Transaction does, without the copies that one makes of everything each time; Verify, which is another
// program's, holds the result against go-ethereum's own encoding.
func encode(data types.TxData, chainID *big.Int, signature []byte) ([]byte, error) {
	w := rlp.NewEncoderBuffer(nil)
	list := w.List()
	kind := []byte(nil)
	switch t := data.(type) {
	case *types.DynamicFeeTx: // EIP-1559
		kind = []byte{types.DynamicFeeTxType}
		w.WriteBigInt(chainID)
		w.WriteUint64(t.Nonce)
		w.WriteBigInt(t.GasTipCap)
		w.WriteBigInt(t.GasFeeCap)
		w.WriteUint64(t.Gas)
		w.WriteBytes(t.To[:])
		w.WriteBigInt(t.Value)
		w.WriteBytes(t.Data)
		w.ListEnd(w.List()) // no access list
		if signature != nil {
			w.WriteUint64(uint64(signature[64]))
		}
	case *types.LegacyTx:
		w.WriteUint64(t.Nonce)
		w.WriteBigInt(t.GasPrice)
		w.WriteUint64(t.Gas)
		w.WriteBytes(t.To[:])
		w.WriteBigInt(t.Value)
		w.WriteBytes(t.Data)
		if signature != nil {
			w.WriteBigInt(protected(chainID, signature[64]))
		} else { // EIP-155
			w.WriteBigInt(chainID)
			w.WriteUint64(0)
			w.WriteUint64(0)
		}
	default:
		return nil, fmt.Errorf("a transaction of type %T is not signed here", data)
	}
	if signature != nil {
		w.WriteBigInt(new(big.Int).SetBytes(signature[:32]))
		w.WriteBigInt(new(big.Int).SetBytes(signature[32:64]))
	}
	w.ListEnd(list)
	b := w.AppendToBytes(kind)
	return b, w.Flush()
}

// protected is V of a legacy transaction that no other chain takes (EIP-155).
func protected(chainID *big.Int, recovery byte) *big.Int {
	v := new(big.Int).Lsh(chainID, 1)
	return v.Add(v, big.NewInt(35+int64(recovery)))
}
