package evm

import (
	"context"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// market asks the nodes what gas costs now. Of several answers it takes the middle one, of two the lower: a node that
// overstates costs no money.
func (c *Chain) market(ctx context.Context) (market, error) {
	type answer struct {
		market market
		err    error
	}
	var all []market
	var silent []error
	for _, a := range ofEach(c, func(n *node) (a answer) { a.market, a.err = n.market(ctx, c.policy); return a }) {
		if a.err != nil {
			silent = append(silent, a.err)
			continue
		}
		all = append(all, a.market)
	}
	if len(all) == 0 {
		return market{}, c.unreachable(ctx, "the fees", silent...)
	}
	m := middle(all, func(m market) *big.Int { return c.policy.mostPerGas(m) })
	m.l1Coin = middle(all, func(m market) *big.Int { return m.l1Coin }).l1Coin
	m.l1Token = middle(all, func(m market) *big.Int { return m.l1Token }).l1Token
	return m, nil
}

// middle is the middle one by size, the lower of two.
func middle(all []market, size func(market) *big.Int) market {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b market) int { return size(a).Cmp(size(b)) })
	return all[(len(all)-1)/2]
}

// market of one node. eth_feeHistory says the next block's base fee without sending a block along; where a node does not
// have it, or says 0 (geth's answer for a chain without base fees), the head itself tells which kind of chain it is.
func (n *node) market(ctx context.Context, p FeePolicy) (m market, err error) {
	requests := []request{
		{"eth_feeHistory", []any{hexutil.Uint64(p.Blocks), "latest", []any{p.Percentile}}},
		{method: "eth_maxPriorityFeePerGas"},
		{method: "eth_gasPrice"},
	}
	requests = append(requests, p.L1.requests(n.chainID)...)
	replies := n.ask(ctx, requests, itemsPerBatch)
	if m.l1Coin, m.l1Token, err = p.L1.read(replies[3:]); err != nil {
		return market{}, err
	}
	var h history
	if err := replies[0].into(&h); err != nil && replies[0].err == nil {
		return market{}, err
	}
	if m.base, err = n.nextBase(ctx, h, replies[0]); err != nil {
		return market{}, err
	}
	if m.base == nil {
		m.price, err = quantity(replies[2])
		return m, err
	}
	m.tip, err = usualTip(h, m.base, replies[1], replies[2])
	return m, err
}

// history is what eth_feeHistory answers, as far as it is looked at.
type history struct {
	BaseFeePerGas []*hexutil.Big   // by block, the next one's last
	Reward        [][]*hexutil.Big // by block, the priority fee at the percentile; 0 in an empty block
}

// usualTip is the middle one of the priority fees of recent blocks in which somebody paid one; where nobody did, what the node
// itself suggests.
func usualTip(h history, base *big.Int, suggested, price reply) (*big.Int, error) {
	var paid []*big.Int
	for _, r := range h.Reward {
		if len(r) == 1 && r[0] != nil && r[0].ToInt().Sign() > 0 {
			paid = append(paid, r[0].ToInt())
		}
	}
	if len(paid) > 0 {
		slices.SortFunc(paid, (*big.Int).Cmp)
		return paid[(len(paid)-1)/2], nil
	}
	if suggested.err == nil || suggested.err.Code != noSuchMethod {
		return quantity(suggested)
	}
	tip, err := quantity(price) // base fee and tip
	if err != nil {
		return nil, err
	}
	return larger(new(big.Int).Sub(tip, base), new(big.Int)), nil
}

// noSuchMethod is JSON-RPC's code for a method that the node does not have.
const noSuchMethod = -32601

// nextBase is the base fee of the next block, or nil on a chain that has none.
func (n *node) nextBase(ctx context.Context, h history, answer reply) (*big.Int, error) {
	if k := len(h.BaseFeePerGas); k > 0 && h.BaseFeePerGas[k-1] != nil && h.BaseFeePerGas[k-1].ToInt().Sign() > 0 {
		return h.BaseFeePerGas[k-1].ToInt(), nil
	}
	var head struct{ BaseFeePerGas *hexutil.Big }
	if err := n.ask(ctx, []request{{"eth_getBlockByNumber", []any{"latest", false}}}, 1)[0].into(&head); err != nil {
		return nil, errors.Join(answer.problem(), err)
	}
	return (*big.Int)(head.BaseFeePerGas), nil
}
