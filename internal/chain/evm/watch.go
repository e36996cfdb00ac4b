package evm

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

// Watch asks every node for the receipts, and puts together what they show (see merge). It has no error of its own: a node
// that does not answer makes things unknown.
func (c *Chain) Watch(ctx context.Context, txs []chain.Tx) ([]chain.Sighting, error) {
	if len(txs) == 0 {
		return nil, nil
	}
	byNode := ofEach(c, func(n *node) []view { return c.look(ctx, n, txs) })
	sightings := make([]chain.Sighting, len(txs))
	views := make([]view, len(c.nodes))
	for i, tx := range txs {
		for j := range byNode {
			views[j] = byNode[j][i]
		}
		sightings[i] = merge(tx.Intent.Nonce, views)
	}
	return sightings, nil
}

// look is what one node shows of each transaction. Head and counts are asked for before the receipts, so that a depth is
// never overstated, and a spent nonce without a receipt is no race with the block in between.
func (c *Chain) look(ctx context.Context, n *node, txs []chain.Tx) []view {
	requests := []request{{method: "eth_blockNumber"}, {"eth_getBlockByNumber", []any{"finalized", false}}}
	if !c.finalized {
		requests = requests[:1]
	}
	counts := map[string]int{} // where in requests an account's count is asked for
	for _, tx := range txs {
		if _, there := counts[tx.Intent.From]; !there {
			counts[tx.Intent.From] = len(requests)
			requests = append(requests, countOf(tx.Intent.From, "latest"))
		}
	}
	first := len(requests)
	for _, tx := range txs {
		requests = append(requests, request{"eth_getTransactionReceipt", []any{tx.Hash}})
	}
	replies := c.read(ctx, n, requests, first)

	horizon := c.horizon(replies)
	views := make([]view, len(txs))
	for i, tx := range txs {
		views[i] = read(tx, replies[first+i], replies[counts[tx.Intent.From]])
		views[i].node = n.name
		views[i].judgeDepth(horizon)
	}
	n.canonical(ctx, views)
	if horizon.problem == nil && !horizon.none {
		n.settle(ctx, txs, views, horizon.final)
	}
	return views
}

// horizon says which blocks are deep enough on a node.
type horizon struct {
	problem error
	final   uint64 // the highest block that is final
	none    bool   // no block is
}

// horizon reads it from the first replies of look. A chain that has no finalized block yet says so with an error; that
// makes nothing final, and nothing unknown.
func (c *Chain) horizon(replies []reply) horizon {
	if c.finalized {
		var block struct{ Number hexutil.Uint64 }
		switch r := replies[1]; {
		case r.lost != nil:
			return horizon{problem: r.lost}
		case r.into(&block) != nil:
			return horizon{none: true}
		}
		return horizon{final: uint64(block.Number)}
	}
	var head hexutil.Uint64
	if err := replies[0].into(&head); err != nil {
		return horizon{problem: err}
	}
	if uint64(head)+1 < c.confirmations {
		return horizon{none: true}
	}
	return horizon{final: uint64(head) + 1 - c.confirmations}
}

// read makes a view of the two replies that are about a transaction.
func read(tx chain.Tx, receipts, count reply) view {
	var v view
	if receipts.result != nil && receipts.null() {
		var latest hexutil.Uint64
		v.problem = count.into(&latest)
		v.count = uint64(latest)
		return v
	}
	var r receipt
	if v.problem = receipts.into(&r); v.problem != nil {
		return v
	}
	err := r.check(tx)
	if err == nil {
		var s chain.Sighting
		s, err = r.sighting(tx.Intent)
		v.seen = &s
	}
	if err != nil {
		v.problem = fmt.Errorf("%s gives %w", receipts.node, err)
	}
	return v
}

// canonical holds each receipt against the block that the node itself has at that height: a receipt of a block that was
// left behind is a problem.
func (n *node) canonical(ctx context.Context, views []view) {
	at := map[uint64]int{}
	var requests []request
	for _, v := range views {
		if v.problem != nil || v.seen == nil {
			continue
		}
		if _, there := at[v.seen.BlockNumber]; !there {
			at[v.seen.BlockNumber] = len(requests)
			requests = append(requests, request{"eth_getBlockByNumber", []any{hexutil.Uint64(v.seen.BlockNumber), false}})
		}
	}
	if len(requests) == 0 {
		return
	}
	replies := n.ask(ctx, requests, blocksPerBatch)
	blocks := make([]struct {
		Hash      common.Hash
		Timestamp *hexutil.Uint64
	}, len(replies))
	problems := make([]error, len(replies))
	for i, r := range replies {
		problems[i] = r.into(&blocks[i])
	}
	for i := range views {
		v := &views[i]
		if v.problem != nil || v.seen == nil {
			continue
		}
		j := at[v.seen.BlockNumber]
		if t := blocks[j].Timestamp; t != nil && *t <= math.MaxInt64 {
			v.at = time.Unix(int64(*t), 0).UTC()
		}
		if v.problem = problems[j]; v.problem == nil && !sameHash(blocks[j].Hash.Hex(), v.seen.BlockHash) {
			v.problem = fmt.Errorf("%s gives a receipt in block %s, and has %s at height %d",
				n.name, v.seen.BlockHash, blocks[j].Hash, v.seen.BlockNumber)
		}
	}
}
