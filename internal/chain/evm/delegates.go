package evm

import (
	"bytes"
	"context"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

var _ chain.Delegates = (*Chain)(nil)

// delegation is what the code of an account begins with that runs as a contract's (EIP-7702); the contract's address follows.
var delegation = []byte{0xef, 0x01, 0x00}

// Delegates reads the accounts' code in the latest block, on every node, in batches.
func (c *Chain) Delegates(ctx context.Context, addresses []string) ([]string, error) {
	requests := make([]request, len(addresses))
	for i, a := range addresses {
		requests[i] = request{"eth_getCode", []any{a, "latest"}}
	}
	replies := c.ask(ctx, requests)
	contracts := make([]string, len(addresses))
	for i := range addresses {
		var silent []error
		for _, r := range replies {
			var code hexutil.Bytes
			if err := r[i].into(&code); err != nil {
				silent = append(silent, err)
			} else if to, delegated := bytes.CutPrefix(code, delegation); delegated && len(to) == common.AddressLength && contracts[i] == "" {
				contracts[i] = common.BytesToAddress(to).Hex()
			}
		}
		if len(silent) == len(c.nodes) {
			return nil, c.unreachable(ctx, "the account's code", silent...)
		}
	}
	return contracts, nil
}
