package world

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// What a pool says, in go-ethereum's words.
var (
	errAlreadyKnown         = errors.New("already known")
	errReplaceUnderpriced   = errors.New("replacement transaction underpriced")
	errUnderpriced          = errors.New("transaction underpriced")
	errFutureReplacePending = errors.New("future transaction tries to replace pending")
)

// maxSize is the most bytes of a transaction.
const maxSize = 4 * 32 * 1024

// invalidSender is a signature that is none, or one for another chain.
type invalidSender struct{ err error }

func (e invalidSender) Error() string { return "invalid sender: " + e.err.Error() }

// fees checks what geth's API checks before the pool sees a transaction: its own cap of 1 ether on what it may cost.
func checkFee(tx *Tx) error {
	fee := new(big.Int).Mul(tx.GasFeeCap(), new(big.Int).SetUint64(tx.Gas()))
	if fee.Cmp(big.NewInt(params.Ether)) <= 0 {
		return nil
	}
	ether, _ := new(big.Float).Quo(new(big.Float).SetInt(fee), big.NewFloat(params.Ether)).Float64()
	return fmt.Errorf("tx fee (%.2f ether) exceeds the configured cap (%.2f ether)", ether, 1.0)
}

// validate follows geth's ValidateTransaction and ValidateTransactionWithState.
func (p *pool) validate(tx *Tx) error {
	if err := validateAlone(tx); err != nil {
		return err
	}
	s := p.head.state
	if next := s.nonce(tx.From); next > tx.Nonce() {
		return fmt.Errorf("nonce too low: next nonce %d, tx nonce %d", next, tx.Nonce())
	}
	const funds = "insufficient funds for gas * price + value"
	balance, cost := s.balance(tx.From), tx.Cost()
	if balance.Cmp(cost) < 0 {
		return fmt.Errorf(funds+": balance %v, tx cost %v, overshot %v", balance, cost, new(big.Int).Sub(cost, balance))
	}
	spent, what, more := p.spent(tx.From), "tx cost", cost
	if l := p.pending[tx.From]; l != nil {
		if old := l.at(tx.Nonce()); old != nil {
			what, more = "tx bumped", new(big.Int).Sub(cost, old.Cost())
		}
	}
	if need := new(big.Int).Add(spent, more); balance.Cmp(need) < 0 {
		return fmt.Errorf(funds+": balance %v, queued cost %v, %s %v, overshot %v", balance, spent, what, more, need.Sub(need, balance))
	}
	return nil
}

func validateAlone(tx *Tx) error {
	switch {
	case tx.Type() != types.LegacyTxType && tx.Type() != types.DynamicFeeTxType:
		return fmt.Errorf("transaction type not supported: tx type %v not supported by this pool", tx.Type())
	case tx.Size() > maxSize:
		return fmt.Errorf("oversized data: transaction size %v, limit %v", tx.Size(), maxSize)
	case tx.Gas() > params.MaxTxGas:
		return fmt.Errorf("transaction gas limit too high (cap: %d, tx: %d)", params.MaxTxGas, tx.Gas())
	case tx.GasFeeCapIntCmp(tx.GasTipCap()) < 0:
		return errors.New("max priority fee per gas higher than max fee per gas")
	}
	if need := intrinsicGas(tx.Data()); tx.Gas() < need {
		return fmt.Errorf("intrinsic gas too low: gas %v, minimum needed %v", tx.Gas(), need)
	}
	if tx.GasTipCapIntCmp(big.NewInt(1)) < 0 {
		return fmt.Errorf("transaction gas price below minimum: gas tip cap %v, minimum needed 1", tx.GasTipCap())
	}
	return nil
}

// intrinsicGas is what a call costs before it does anything.
func intrinsicGas(data []byte) uint64 {
	gas := params.TxGas
	for _, b := range data {
		if b == 0 {
			gas += params.TxDataZeroGas
		} else {
			gas += params.TxDataNonZeroGasEIP2028
		}
	}
	return gas
}
