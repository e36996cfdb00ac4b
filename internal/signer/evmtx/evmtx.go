// Package evmtx builds and signs EVM transactions from intents. Nothing that is signed here was put together anywhere else:
// call data, fields and encoding all come from the intent's own words.
package evmtx

import (
	"crypto/ecdsa"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/signing"
)

// transferSelector is the first four bytes of Keccak-256 of "transfer(address,uint256)" (ERC-20).
var transferSelector = [4]byte{0xa9, 0x05, 0x9c, 0xbb}

// Key is a private key with its address.
type Key struct {
	*ecdsa.PrivateKey
	address common.Address
}

// NewKey works out the address of a private key.
func NewKey(private *ecdsa.PrivateKey) Key {
	return Key{private, crypto.PubkeyToAddress(private.PublicKey)}
}

// Sign builds the transaction that a checked intent describes and signs it. It is deterministic (RFC 6979): the same
// intent and key give the same bytes. raw is what eth_sendRawTransaction takes, hash its transaction hash.
func (k Key) Sign(intent signing.Intent) (raw []byte, hash string, err error) {
	if r := Check(intent); r != nil {
		return nil, "", fmt.Errorf("sign: %s", r.Reason)
	}
	return k.seal(build(intent), big.NewInt(intent.ChainID), common.HexToAddress(intent.From))
}

// seal signs a transaction for a chain. Whose key it is, is checked before: to recover the sender from the result takes twice as long as
// everything else here, and whoever asked does that anyway (the client takes no signature that is not right).
func (k Key) seal(data types.TxData, chainID *big.Int, from common.Address) (raw []byte, hash string, err error) {
	if k.address != from {
		return nil, "", fmt.Errorf("sign: the key is not that of %s", from)
	}
	unsigned, err := encode(data, chainID, nil)
	if err != nil {
		return nil, "", fmt.Errorf("sign: %w", err)
	}
	signature, err := crypto.Sign(crypto.Keccak256(unsigned), k.PrivateKey)
	if err != nil {
		return nil, "", fmt.Errorf("sign: %w", err)
	}
	if raw, err = encode(data, chainID, signature); err != nil {
		return nil, "", fmt.Errorf("sign: %w", err)
	}
	return raw, hexutil.Encode(crypto.Keccak256(raw)), nil
}

// build lays an intent out as a transaction: EIP-1559 if it names a fee cap, legacy with EIP-155 if it names a gas price.
func build(intent signing.Intent) types.TxData {
	e := intent.EVM
	to, value, data := common.HexToAddress(e.To), amount(e.Amount), []byte(nil)
	if e.Contract != "" {
		data = transferCall(to, value)
		to, value = common.HexToAddress(e.Contract), new(big.Int)
	}
	if e.GasPrice != "" {
		return &types.LegacyTx{Nonce: intent.Nonce, GasPrice: amount(e.GasPrice), Gas: e.GasLimit, To: &to, Value: value, Data: data}
	}
	return &types.DynamicFeeTx{
		ChainID: big.NewInt(intent.ChainID), Nonce: intent.Nonce, GasTipCap: amount(e.MaxPriorityFeePerGas),
		GasFeeCap: amount(e.MaxFeePerGas), Gas: e.GasLimit, To: &to, Value: value, Data: data,
	}
}

func transferCall(to common.Address, value *big.Int) []byte {
	data := append([]byte(nil), transferSelector[:]...)
	data = append(data, common.LeftPadBytes(to[:], 32)...)
	return append(data, common.LeftPadBytes(value.Bytes(), 32)...)
}

// amount reads a number that Check has passed.
func amount(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}
