package evm

import (
	"context"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// fees are what a unit of gas costs now, in wei.
type fees struct {
	// maxFee and tip are EIP-1559's max fee and max priority fee; price is a legacy chain's gas price. Either the two or
	// the one is set.
	maxFee, tip, price *big.Int
}

// most is the most that a unit of gas can cost.
func (f fees) most() *big.Int {
	if f.price != nil {
		return f.price
	}
	return f.maxFee
}

// dynamic are the fees of a chain with EIP-1559. Twice the base fee of the next block: it rises by an eighth per full
// block at most, so the transaction stays payable through six full blocks (1.125^6 ≈ 2.03) without being replaced, and what is
// above the base fee of its block is not spent.
func dynamic(base, tip *big.Int) fees {
	// geth takes no transaction with a tip of nothing.
	tip = larger(tip, big.NewInt(1))
	maxFee := new(big.Int).Lsh(base, 1)
	return fees{maxFee: maxFee.Add(maxFee, tip), tip: tip}
}

// fees asks the nodes what gas costs now. Of several answers it takes the middle one, of two the lower: a node that
// overstates costs no money.
func (c *Chain) fees(ctx context.Context) (fees, error) {
	type answer struct {
		fees fees
		err  error
	}
	var all []fees
	var silent []error
	for _, a := range ofEach(c, func(n *node) (a answer) { a.fees, a.err = n.fees(ctx); return a }) {
		if a.err != nil {
			silent = append(silent, a.err)
			continue
		}
		all = append(all, a.fees)
	}
	if len(all) == 0 {
		return fees{}, c.unreachable(ctx, "the fees", silent...)
	}
	slices.SortFunc(all, func(a, b fees) int { return a.most().Cmp(b.most()) })
	return all[(len(all)-1)/2], nil
}

// fees of one node. eth_feeHistory says the next block's base fee without sending a block along; where a node does not
// have it, or says 0 (geth's answer for a chain without base fees), the head itself tells which kind of chain it is.
func (n *node) fees(ctx context.Context) (fees, error) {
	replies := n.ask(ctx, []request{
		{"eth_feeHistory", []any{"0x1", "latest", []any{}}},
		{method: "eth_maxPriorityFeePerGas"},
		{method: "eth_gasPrice"},
	}, itemsPerBatch)
	var price hexutil.Big
	if err := replies[2].into(&price); err != nil {
		return fees{}, err
	}
	base, err := n.nextBase(ctx, replies[0])
	if err != nil {
		return fees{}, err
	}
	if base == nil {
		return fees{price: price.ToInt()}, nil
	}
	var tip hexutil.Big
	switch err := replies[1].into(&tip); {
	case err == nil:
		return dynamic(base, tip.ToInt()), nil
	case replies[1].err != nil && replies[1].err.Code == noSuchMethod:
		return dynamic(base, new(big.Int).Sub(price.ToInt(), base)), nil // eth_gasPrice is base fee and tip
	default:
		return fees{}, err
	}
}

// noSuchMethod is JSON-RPC's code for a method that the node does not have.
const noSuchMethod = -32601

// nextBase is the base fee of the next block, or nil on a chain that has none.
func (n *node) nextBase(ctx context.Context, history reply) (*big.Int, error) {
	var h struct{ BaseFeePerGas []*hexutil.Big }
	if err := history.into(&h); err != nil && history.err == nil {
		return nil, err
	}
	if k := len(h.BaseFeePerGas); k > 0 && h.BaseFeePerGas[k-1] != nil && h.BaseFeePerGas[k-1].ToInt().Sign() > 0 {
		return h.BaseFeePerGas[k-1].ToInt(), nil
	}
	var head struct{ BaseFeePerGas *hexutil.Big }
	if err := n.ask(ctx, []request{{"eth_getBlockByNumber", []any{"latest", false}}}, 1)[0].into(&head); err != nil {
		return nil, errors.Join(history.problem(), err)
	}
	return (*big.Int)(head.BaseFeePerGas), nil
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}
