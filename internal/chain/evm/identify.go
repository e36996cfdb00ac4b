package evm

import (
	"context"
	"errors"

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
