package world

import (
	"encoding/json"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

// Node is one node of the chain: the branch that it follows, and its pool.
type Node struct {
	Name string
	// Forgets says that what stood in blocks that were left behind does not come back into its pool (anvil is so, geth is not).
	Forgets bool
	// ChainID is what it says it is on; the chain's own unless somebody put another node behind its address.
	ChainID uint64
	// Answer, if set, gets to see each result before it goes out, and may put another in its place.
	Answer func(method string, params []json.RawMessage, result any) any

	w     *World
	index int
	head  *Block
	shows *Block // what it answers from, if not its head: a replica that is behind
	pool  *pool
}

func newNode(w *World, index int, l Limits, first *Block) *Node {
	return &Node{
		Name: nodeName(index), ChainID: w.chainID.Uint64(), w: w, index: index, head: first, pool: newPool(l, w.now, first),
	}
}

// Head is the block that it follows.
func (n *Node) Head() *Block { return n.head }

// view is the block that it answers from.
func (n *Node) view() *Block {
	if n.shows != nil {
		return n.shows
	}
	return n.head
}

// FallBehind has it answer from an older block of its branch; its pool goes on. CatchUp ends that.
func (n *Node) FallBehind(blocks uint64) { n.shows = n.head.Back(blocks) }

// CatchUp ends FallBehind.
func (n *Node) CatchUp() { n.shows = nil }

// Follow makes a block the head, be it on the branch or on another one.
func (n *Node) Follow(b *Block) {
	if b == n.head {
		return
	}
	var back []*Tx
	if !n.Forgets {
		back = left(n.head, b)
	}
	n.head = b
	n.pool.reset(b, back)
}

// left are the transactions of the branch that ends with one block which are not in the branch that ends with another.
func left(from, to *Block) (txs []*Tx) {
	in := map[common.Hash]bool{}
	for from != to {
		if from.Number >= to.Number {
			txs = append(slices.Clone(from.Txs), txs...)
			from = from.Parent
			continue
		}
		for _, tx := range to.Txs {
			in[tx.Hash()] = true
		}
		to = to.Parent
	}
	return slices.DeleteFunc(txs, func(tx *Tx) bool { return in[tx.Hash()] })
}

// Add puts a transaction into the pool, as gossip does. Whether it stays is the pool's affair.
func (n *Node) Add(tx *Tx) error { return n.pool.add(tx) }

// Pool is what its pool holds, the executable ones first.
func (n *Node) Pool() []*Tx { return n.pool.content() }

// Executable is what a block may be made of.
func (n *Node) Executable() []*Tx { return n.pool.executable() }

// Has says whether its pool holds a transaction.
func (n *Node) Has(hash common.Hash) bool { return n.pool.all[hash] != nil }

// Drop takes a transaction out of the pool without telling anybody.
func (n *Node) Drop(hash common.Hash) {
	if tx := n.pool.all[hash]; tx != nil {
		n.pool.remove(tx)
	}
}

// ClearPool drops everything that the pool holds, as a node that is started again.
func (n *Node) ClearPool() { n.pool.clear() }

// AgePool drops what has stood above a missing nonce for too long. geth looks every minute.
func (n *Node) AgePool() { n.pool.age() }

// Mine makes a block of what the pool holds on the node's head, and follows it. The other nodes do when they are told to.
func (n *Node) Mine(first []*Tx, otherGas uint64) *Block {
	b := n.w.Block(n.head, first, n.Executable(), otherGas)
	n.Follow(b)
	return b
}

// NonceOf is an account's next nonce in the node's head.
func (n *Node) NonceOf(a common.Address) uint64 { return n.head.state.nonce(a) }
