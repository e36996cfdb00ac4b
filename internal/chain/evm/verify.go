package evm

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

// Verify decodes raw with go-ethereum and compares every field with the intent, then recovers the sender. It needs nothing
// of the Chain, which may be nil. A difference is refused, with the field, what was wanted and what stands there.
func (*Chain) Verify(intent signing.Intent, raw []byte) (string, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(raw); err != nil {
		return "", otherwise("the bytes are no transaction: %v", err)
	}
	if again, err := tx.MarshalBinary(); err != nil || !bytes.Equal(again, raw) {
		return "", otherwise("the bytes are not the transaction's one encoding")
	}
	if intent.ChainType != "evm" || intent.EVM == nil {
		return "", otherwise("the intent is for chain type %q", intent.ChainType)
	}
	for _, f := range fieldsOf(intent, tx) {
		if f.got != f.want {
			return "", otherwise("%s is %s, asked was %s", f.name, shown(f.got), shown(f.want))
		}
	}
	sender, err := types.Sender(types.LatestSignerForChainID(big.NewInt(intent.ChainID)), tx)
	if err != nil {
		return "", otherwise("the signature is not valid: %v", err)
	}
	if sender != common.HexToAddress(intent.From) {
		return "", otherwise("signed by %s, asked was %s", sender, intent.From)
	}
	return tx.Hash().Hex(), nil
}

func otherwise(format string, args ...any) error {
	return fault.New(fault.Refused, "signed_otherwise", "stop the signing machine (`coffer-signer lock`) and find out what answers for it",
		"the signed transaction is not what was asked: "+format, args...)
}

// field is a part of a transaction as it is and as the intent wants it, in one notation.
type field struct{ name, got, want string }

func fieldsOf(intent signing.Intent, tx *types.Transaction) []field {
	e := intent.EVM
	to, value, data := common.HexToAddress(e.To), e.Amount, []byte(nil)
	if e.Contract != "" {
		amount := decimal(e.Amount)
		if amount == nil {
			return []field{{"the amount", "no amount", e.Amount}}
		}
		to, value, data = common.HexToAddress(e.Contract), "0", transferCall(e.To, amount)
	}
	fields := []field{
		{"the type", fmt.Sprint(tx.Type()), fmt.Sprint(typeOf(e))},
		{"the chain id", tx.ChainId().String(), fmt.Sprint(intent.ChainID)},
		{"the nonce", fmt.Sprint(tx.Nonce()), fmt.Sprint(intent.Nonce)},
		{"the recipient", shownTo(tx.To()), to.Hex()},
		{"the value", tx.Value().String(), value},
		{"the data", fmt.Sprintf("%x", tx.Data()), fmt.Sprintf("%x", data)},
		{"the gas limit", fmt.Sprint(tx.Gas()), fmt.Sprint(e.GasLimit)},
		{"the access list", fmt.Sprint(len(tx.AccessList())), "0"},
		{"replay protection (EIP-155)", fmt.Sprint(tx.Protected()), "true"},
	}
	if e.GasPrice != "" {
		return append(fields, field{"the gas price", tx.GasPrice().String(), e.GasPrice})
	}
	return append(fields,
		field{"the fee cap", tx.GasFeeCap().String(), e.MaxFeePerGas},
		field{"the priority fee", tx.GasTipCap().String(), e.MaxPriorityFeePerGas})
}

func typeOf(e *signing.EVMTransfer) uint8 {
	if e.GasPrice != "" {
		return types.LegacyTxType
	}
	return types.DynamicFeeTxType
}

func shownTo(to *common.Address) string {
	if to == nil {
		return "a new contract"
	}
	return to.Hex()
}
