package evm

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// The parts of ERC-20 that are used.
var (
	transferSelector  = crypto.Keccak256([]byte("transfer(address,uint256)"))[:4]
	balanceOfSelector = crypto.Keccak256([]byte("balanceOf(address)"))[:4]
	transferTopic     = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
)

func transferCall(to string, amount *big.Int) []byte {
	data := append([]byte(nil), transferSelector...)
	data = append(data, common.LeftPadBytes(common.HexToAddress(to).Bytes(), 32)...)
	return append(data, common.LeftPadBytes(amount.Bytes(), 32)...)
}

// balanceOf asks for a balance as of a block.
func balanceOf(contract, holder, block string) request {
	data := append([]byte(nil), balanceOfSelector...)
	data = append(data, common.LeftPadBytes(common.HexToAddress(holder).Bytes(), 32)...)
	return request{"eth_call", []any{map[string]string{"to": contract, "data": hexutil.Encode(data)}, block}}
}

// balance reads an answer to balanceOf. A clean answer that is no balance, because no token stands there, is 0: there is
// nothing to spend.
func (r reply) balance() (*big.Int, error) {
	if r.err != nil && classifyCall(r.err.Code, r.err.Message) == fails {
		return new(big.Int), nil
	}
	var data hexutil.Bytes
	if err := r.into(&data); err != nil {
		return nil, err
	}
	if len(data) != 32 {
		return new(big.Int), nil
	}
	return new(big.Int).SetBytes(data), nil
}

// decimal reads an amount of an intent; nil if it is none.
func decimal(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 256 {
		return nil
	}
	return n
}
