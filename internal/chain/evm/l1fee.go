package evm

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// gasPriceOracle is a predeploy of every chain of the OP stack. Its getL1Fee(bytes) takes an unsigned transaction, adds the
// signature's bytes itself, and says what all of them cost on Ethereum now; before Fjord by its bytes, since then by an
// estimate of how far it can be compressed.
var (
	gasPriceOracle   = common.HexToAddress("0x420000000000000000000000000000000000000F")
	getL1FeeSelector = crypto.Keccak256([]byte("getL1Fee(bytes)"))[:4]
)

// requests ask what a payment of coin, and one of a token, takes beside gas.
func (l L1Fee) requests(chainID int64) []request {
	if l != OPStack {
		return nil
	}
	token := transferCall(incompressible(20), new(big.Int).SetBytes(scramble("amount")[:16]))
	return []request{l1Request(chainID, nil), l1Request(chainID, token)}
}

func l1Request(chainID int64, data []byte) request {
	tx, err := typical(chainID, data).MarshalBinary()
	if err != nil {
		panic("evm: a transaction without a signature has one encoding: " + err.Error())
	}
	call := append([]byte(nil), getL1FeeSelector...)
	call = append(call, common.LeftPadBytes([]byte{32}, 32)...) // where the bytes begin
	call = append(call, common.LeftPadBytes(big.NewInt(int64(len(tx))).Bytes(), 32)...)
	call = append(call, common.RightPadBytes(tx, (len(tx)+31)/32*32)...)
	return request{"eth_call", []any{map[string]string{"to": gasPriceOracle.Hex(), "data": hexutil.Encode(call)}, "latest"}}
}

// typical is a payment whose every number is as long as they get, and that cannot be compressed: no payment costs much more.
func typical(chainID int64, data []byte) *types.Transaction {
	to := common.HexToAddress(incompressible(20))
	return types.NewTx(&types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: 0x5eed_0f_c0ffe5, Gas: 0x1f3a77, To: &to, Data: data,
		GasTipCap: new(big.Int).SetBytes(scramble("tip")[:6]), GasFeeCap: new(big.Int).SetBytes(scramble("fee")[:8]),
		Value: new(big.Int).SetBytes(scramble("value")[:12]),
	})
}

func scramble(of string) []byte        { return crypto.Keccak256([]byte(of)) }
func incompressible(length int) string { return hexutil.Encode(scramble("somebody")[:length]) }

// read reads the answers to requests. Twice of what is said: until the transaction is in a block, Ethereum's own base fee rises as
// much as ours may (see choose).
func (l L1Fee) read(replies []reply) (coin, token *big.Int, err error) {
	if l != OPStack {
		return new(big.Int), new(big.Int), nil
	}
	var both [2]*big.Int
	for i, r := range replies {
		var data hexutil.Bytes
		if err := r.into(&data); err != nil {
			return nil, nil, err
		}
		if len(data) != 32 {
			return nil, nil, fmt.Errorf("%s has no GasPriceOracle at %s: is l1_fee = \"op-stack\" right?", r.node, gasPriceOracle)
		}
		both[i] = new(big.Int).SetBytes(data)
		both[i].Lsh(both[i], 1)
	}
	return both[0], both[1], nil
}
