package evm

import (
	"context"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"coffer.internal/internal/chain"
)

// spending is a nonce of an account that a node's chain has spent on something else than was looked for.
type spending struct {
	account string
	nonce   uint64
}

// mark is a block of a node's chain after which a nonce was spent, noted when the block was the latest.
type mark struct {
	number uint64
	hash   common.Hash
	count  uint64 // the account's, after it
}

// mostMarks bounds what is remembered. Marks only spare a wait, so too many are all forgotten.
const mostMarks = 10_000

// settle finds out whether a nonce that is spent on something else is so for ever: in the highest final block, too. Until then a
// reorg may bring it back.
//
// A node that does not keep the state of that block (geth keeps 128) cannot say the count there. For it, the latest block is marked
// when the nonce is first seen spent; when that block is final, and still the node's block at its height, the nonce is spent for ever.
func (n *node) settle(ctx context.Context, txs []chain.Tx, views []view, final uint64) {
	at := map[string]int{}
	var requests []request
	for i, tx := range txs {
		if _, there := at[tx.Intent.From]; views[i].spent(tx.Intent.Nonce) && !there {
			at[tx.Intent.From] = len(requests)
			requests = append(requests, countOf(tx.Intent.From, hexutil.EncodeUint64(final)))
		}
	}
	if len(requests) == 0 {
		return
	}
	replies := n.ask(ctx, requests, itemsPerBatch)
	var marked, unmarked []int
	for i, tx := range txs {
		v := &views[i]
		if !v.spent(tx.Intent.Nonce) {
			continue
		}
		var count hexutil.Uint64
		v.unsettled = replies[at[tx.Intent.From]].into(&count)
		v.settled = uint64(count)
		if v.unsettled == nil {
			continue
		}
		if _, there := n.marked(tx); there {
			marked = append(marked, i)
		} else {
			unmarked = append(unmarked, i)
		}
	}
	n.recall(ctx, txs, views, marked, final)
	n.note(ctx, txs, unmarked)
}

// recall settles what was marked in a block that is final by now.
func (n *node) recall(ctx context.Context, txs []chain.Tx, views []view, which []int, final uint64) {
	at := map[uint64]int{}
	var requests []request
	for _, i := range which {
		m, there := n.marked(txs[i])
		if _, asked := at[m.number]; there && m.number <= final && !asked {
			at[m.number] = len(requests)
			requests = append(requests, request{"eth_getBlockByNumber", []any{hexutil.Uint64(m.number), false}})
		}
	}
	if len(requests) == 0 {
		return
	}
	replies := n.ask(ctx, requests, blocksPerBatch)
	for _, i := range which {
		m, there := n.marked(txs[i])
		j, asked := at[m.number]
		if !there || !asked {
			continue
		}
		var block struct{ Hash common.Hash }
		switch err := replies[j].into(&block); {
		case err != nil:
		case block.Hash != m.hash:
			n.forget(txs[i]) // left behind
		default:
			views[i].settled, views[i].unsettled = m.count, nil
		}
	}
}

// note marks nonces as spent in the latest block.
func (n *node) note(ctx context.Context, txs []chain.Tx, which []int) {
	if len(which) == 0 {
		return
	}
	var block struct {
		Number *hexutil.Uint64
		Hash   common.Hash
	}
	err := n.ask(ctx, []request{{"eth_getBlockByNumber", []any{"latest", false}}}, 1)[0].into(&block)
	if err != nil || block.Number == nil || block.Hash == (common.Hash{}) {
		return
	}
	requests := make([]request, len(which))
	for k, i := range which {
		// By its hash (EIP-1898): another block that came to stand there since is not meant.
		requests[k] = request{"eth_getTransactionCount", []any{txs[i].Intent.From, map[string]any{"blockHash": block.Hash}}}
	}
	for k, r := range n.ask(ctx, requests, itemsPerBatch) {
		var count hexutil.Uint64
		if tx := txs[which[k]]; r.into(&count) == nil && uint64(count) > tx.Intent.Nonce {
			n.mark(tx, mark{uint64(*block.Number), block.Hash, uint64(count)})
		}
	}
}

func spendingOf(tx chain.Tx) spending { return spending{tx.Intent.From, tx.Intent.Nonce} }

func (n *node) marked(tx chain.Tx) (mark, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, there := n.marks[spendingOf(tx)]
	return m, there
}

func (n *node) mark(tx chain.Tx, m mark) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.marks == nil || len(n.marks) >= mostMarks {
		n.marks = map[spending]mark{}
	}
	n.marks[spendingOf(tx)] = m
}

func (n *node) forget(tx chain.Tx) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.marks, spendingOf(tx))
}
