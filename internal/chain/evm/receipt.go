package evm

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
	"coffer.internal/signing"
)

// receipt is what eth_getTransactionReceipt answers, as far as it is looked at.
type receipt struct {
	TxHash      common.Hash     `json:"transactionHash"`
	From        common.Address  `json:"from"`
	BlockHash   common.Hash     `json:"blockHash"`
	BlockNumber *hexutil.Uint64 `json:"blockNumber"`
	Status      *hexutil.Uint64 `json:"status"` // EIP-658
	GasUsed     *hexutil.Uint64 `json:"gasUsed"`
	GasPrice    *hexutil.Big    `json:"effectiveGasPrice"` // EIP-1559; older nodes leave it out
	L1Fee       *hexutil.Big    `json:"l1Fee"`             // chains of the OP stack: what the bytes cost on Ethereum, beside gas
	Logs        []receiptLog    `json:"logs"`
}

type receiptLog struct {
	Address common.Address `json:"address"`
	Topics  []common.Hash  `json:"topics"`
	Data    hexutil.Bytes  `json:"data"`
	Removed bool           `json:"removed"`
}

// check says why a receipt cannot be that of tx.
func (r receipt) check(tx chain.Tx) error {
	switch {
	case r.TxHash != common.HexToHash(tx.Hash):
		return fmt.Errorf("a receipt of %s for %s", r.TxHash, tx.Hash)
	case r.From != common.HexToAddress(tx.Intent.From):
		return fmt.Errorf("a receipt with the sender %s for %s", r.From, tx.Hash)
	case r.BlockNumber == nil || r.BlockHash == (common.Hash{}):
		return fmt.Errorf("a receipt without a block for %s", tx.Hash)
	case r.Status == nil || *r.Status > 1 || r.GasUsed == nil:
		return fmt.Errorf("a receipt without status 0 or 1, or without gas, for %s", tx.Hash)
	}
	return nil
}

// sighting is what a checked receipt says of the transaction; the stage is not its affair.
func (r receipt) sighting(intent signing.Intent) (chain.Sighting, error) {
	fee, err := r.fee(intent.EVM)
	if err != nil {
		return chain.Sighting{}, err
	}
	success := *r.Status == 1
	return chain.Sighting{
		BlockNumber: uint64(*r.BlockNumber), BlockHash: r.BlockHash.Hex(),
		Success: success, Paid: success && r.transferred(intent), Fee: fee.String(),
	}, nil
}

func (r receipt) fee(e *signing.EVMTransfer) (*big.Int, error) {
	price := (*big.Int)(r.GasPrice)
	if price == nil {
		if price = decimal(e.GasPrice); price == nil {
			return nil, errors.New("a receipt without effectiveGasPrice")
		}
	}
	fee := new(big.Int).Mul(price, new(big.Int).SetUint64(uint64(*r.GasUsed)))
	if r.L1Fee != nil {
		fee.Add(fee, r.L1Fee.ToInt())
	}
	return fee, nil
}

// transferred says whether what the intent says was transferred, given that the transaction succeeded. Coin moves with
// success; of a token only its log tells: exactly one Transfer of that contract, with our from, to and amount.
func (r receipt) transferred(intent signing.Intent) bool {
	e := intent.EVM
	if e.Contract == "" {
		return true
	}
	want := [3]common.Hash{transferTopic, topicOf(intent.From), topicOf(e.To)}
	amount := decimal(e.Amount)
	n := 0
	for _, l := range r.Logs {
		if l.Address == common.HexToAddress(e.Contract) && !l.Removed && len(l.Topics) == 3 && [3]common.Hash(l.Topics) == want &&
			len(l.Data) == 32 && amount != nil && new(big.Int).SetBytes(l.Data).Cmp(amount) == 0 {
			n++
		}
	}
	return n == 1
}

func topicOf(address string) common.Hash {
	return common.BytesToHash(common.HexToAddress(address).Bytes())
}

// sameHash compares two block hashes in any notation.
func sameHash(a, b string) bool { return strings.EqualFold(a, b) }
