package evm

import (
	"context"
	"errors"
	"math"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/fault"
)

// Identify asks every node for its chain id now. A wrong one is refused, though others be right. Nodes that do not answer
// are let be if one does: none is asked for anything before it has said the right chain id itself.
func (c *Chain) Identify(ctx context.Context) error {
	var silent []error
	for _, err := range ofEach(c, func(n *node) error { return n.identifyNow(ctx) }) {
		switch {
		case errors.Is(err, errOtherChain):
			return fault.Wrap(err, fault.Refused, "wrong_chain", "correct rpc of the chain in coffer.toml", "chain evm %d", c.id)
		case err != nil:
			silent = append(silent, err)
		}
	}
	if len(silent) == len(c.nodes) {
		return c.unreachable(ctx, "the chain id", silent...)
	}
	return nil
}

// Counts reads the account's count in the latest block and in the pool on every node. The nodes agree only when all of them
// answered and say the same Latest. Pending is the highest that a node says.
func (c *Chain) Counts(ctx context.Context, address string) (count chain.Count, agreed bool, err error) {
	replies := c.ask(ctx, []request{countOf(address, "latest"), countOf(address, "pending")})
	count.Latest = math.MaxUint64
	agreed, answered := true, 0
	for _, r := range replies {
		var latest, pending hexutil.Uint64
		if r[0].into(&latest) != nil || r[1].into(&pending) != nil {
			agreed = false
			continue
		}
		agreed = agreed && (answered == 0 || uint64(latest) == count.Latest)
		count.Latest, count.Pending = min(count.Latest, uint64(latest)), max(count.Pending, uint64(pending))
		answered++
	}
	if answered == 0 {
		return chain.Count{}, false, c.unreachable(ctx, "the account's count", append(problems(replies, 0), problems(replies, 1)...)...)
	}
	return count, agreed, nil
}

func countOf(address, block string) request {
	return request{"eth_getTransactionCount", []any{address, block}}
}
