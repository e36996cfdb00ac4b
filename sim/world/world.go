// Package world is a simulated EVM chain with several nodes, as far as JSON-RPC shows one: blocks with a base fee, accounts, ERC-20
// tokens, and a pool per node with geth's limits and texts. It imports nothing of coffer's.
//
// Nothing happens by itself. Whoever owns a World makes its blocks, carries transactions and blocks from node to node, and moves
// its clock; a call to a node only reads, or puts a transaction into that one node's pool. So a run is a list of steps, and
// replays exactly. A World belongs to one goroutine.
//
// What is left out on purpose: contracts other than the tokens, and everything that a transfer does not need.
package world

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// gasLimit is a block's. geth's default for new chains, and half of it is what the base fee aims at.
const gasLimit = 60_000_000

// Options are what a chain begins with.
type Options struct {
	ChainID int64
	Alloc   map[common.Address]*big.Int // balances in wei
	Tokens  []*Token
	Now     func() time.Time // the world's clock: blocks and pools go by it
	Limits  Limits           // of every node's pool; the zero value is geth's defaults
	Nodes   int              // how many; at least 1
}

// World is a chain with its nodes.
type World struct {
	Nodes []*Node

	chainID *big.Int
	signer  types.Signer
	now     func() time.Time
	tokens  map[common.Address]*Token
	blocks  []*Block                 // in the order in which they were made
	places  map[common.Hash][]*Block // the blocks that have a transaction, of all branches
	seen    []*Tx                    // every transaction that a node was given, in order
	byRaw   map[string]*Tx           // the same by its bytes: it need not be decoded and checked again
}

// Tx is a transaction whose sender is known.
type Tx struct {
	*types.Transaction
	From common.Address
}

// Block is a block of some branch.
type Block struct {
	Hash     common.Hash
	Parent   *Block // nil: the first
	Number   uint64
	Time     uint64 // seconds since 1970
	BaseFee  *big.Int
	GasUsed  uint64
	Txs      []*Tx
	Receipts []Receipt // in the order of Txs

	state state
}

// Receipt is what became of a transaction in its block.
type Receipt struct {
	Success bool
	GasUsed uint64
	Price   *big.Int // what a unit of gas cost
	Logs    []Log
}

// Log is a Transfer of a token.
type Log struct {
	Token, From, To common.Address
	Amount          *big.Int
}

// New makes a chain with its first block, which every node has.
func New(o Options) *World {
	w := &World{
		chainID: big.NewInt(o.ChainID), now: o.Now, tokens: map[common.Address]*Token{},
		places: map[common.Hash][]*Block{}, byRaw: map[string]*Tx{},
	}
	w.signer = types.LatestSignerForChainID(w.chainID)
	first := &Block{BaseFee: big.NewInt(params.InitialBaseFee), Time: uint64(o.Now().Unix()), state: newState()}
	for a, wei := range o.Alloc {
		first.state.accounts[a] = account{balance: wei}
	}
	for _, t := range o.Tokens {
		w.tokens[t.Contract] = t
		first.state.holdings[t.Contract] = t.genesis()
	}
	first.Hash = first.hash()
	w.blocks = append(w.blocks, first)
	for i := range max(o.Nodes, 1) {
		w.Nodes = append(w.Nodes, newNode(w, i, o.Limits.orDefaults(), first))
	}
	return w
}

// ChainID is the chain's.
func (w *World) ChainID() *big.Int { return w.chainID }

// Block makes a block on parent. What stands in first goes in before everything else at its nonce, as a builder does who was paid for
// it; of the rest, the higher tip wins a nonce. otherGas is what strangers use of the block: it moves the base fee.
func (w *World) Block(parent *Block, first, rest []*Tx, otherGas uint64) *Block {
	b := &Block{
		Parent: parent, Number: parent.Number + 1, BaseFee: nextBaseFee(parent), GasUsed: min(otherGas, gasLimit),
		Time: max(parent.Time+1, uint64(w.now().Unix())), state: parent.state.clone(),
	}
	for _, candidates := range [][]*Tx{first, rest} {
		for _, tx := range inOrder(candidates) {
			r, ok := w.execute(b, tx)
			if !ok {
				continue
			}
			b.Txs, b.Receipts = append(b.Txs, tx), append(b.Receipts, r)
			b.GasUsed = min(b.GasUsed+r.GasUsed, gasLimit)
		}
	}
	b.Hash = b.hash()
	for _, tx := range b.Txs {
		w.places[tx.Hash()] = append(w.places[tx.Hash()], b)
	}
	w.blocks = append(w.blocks, b)
	return b
}

// inOrder sorts by sender, nonce, then tip, the highest first.
func inOrder(txs []*Tx) []*Tx {
	txs = slices.Clone(txs)
	slices.SortStableFunc(txs, func(a, b *Tx) int {
		if c := a.From.Cmp(b.From); c != 0 {
			return c
		}
		if a.Nonce() != b.Nonce() {
			if a.Nonce() < b.Nonce() {
				return -1
			}
			return 1
		}
		return b.GasTipCapCmp(a.Transaction)
	})
	return txs
}

// nextBaseFee is EIP-1559's.
func nextBaseFee(parent *Block) *big.Int {
	const target = gasLimit / params.DefaultElasticityMultiplier
	if parent.GasUsed == target {
		return parent.BaseFee
	}
	over := new(big.Int).SetUint64(max(parent.GasUsed, target) - min(parent.GasUsed, target))
	change := over.Mul(over, parent.BaseFee)
	change.Div(change, big.NewInt(target)).Div(change, big.NewInt(params.DefaultBaseFeeChangeDenominator))
	if parent.GasUsed > target {
		if change.Sign() == 0 {
			change.SetUint64(1)
		}
		return change.Add(parent.BaseFee, change)
	}
	return change.Sub(parent.BaseFee, change)
}

// hash is over what a block is made of. (A real one is over a header, which nobody here reads.)
func (b *Block) hash() common.Hash {
	h := sha256.New()
	if b.Parent != nil {
		h.Write(b.Parent.Hash[:])
	}
	_ = binary.Write(h, binary.BigEndian, []uint64{b.Number, b.Time, b.GasUsed}) // a hash takes everything
	for _, tx := range b.Txs {
		h.Write(tx.Hash().Bytes())
	}
	return common.BytesToHash(h.Sum(nil))
}

// Back is the block so many below this one, or the first.
func (b *Block) Back(depth uint64) *Block {
	for ; depth > 0 && b.Parent != nil; depth-- {
		b = b.Parent
	}
	return b
}

// At is the block of a height on the branch that ends with this one; nil if it is above.
func (b *Block) At(number uint64) *Block {
	if number > b.Number {
		return nil
	}
	return b.Back(b.Number - number)
}

// Branch is the branch that ends with this block, the first block first.
func (b *Block) Branch() []*Block {
	all := make([]*Block, 0, b.Number+1)
	for ; b != nil; b = b.Parent {
		all = append(all, b)
	}
	slices.Reverse(all)
	return all
}

// Decode reads raw bytes as a node does, and finds their sender. The error has a node's words.
func (w *World) Decode(raw []byte) (*Tx, error) {
	if tx, there := w.byRaw[string(raw)]; there {
		return tx, nil
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return nil, err
	}
	from, err := types.Sender(w.signer, &tx)
	if err != nil {
		return nil, invalidSender{err}
	}
	t := &Tx{Transaction: &tx, From: from}
	w.byRaw[string(raw)] = t
	w.seen = append(w.seen, t)
	return t, nil
}

// Seen is every transaction that a node was ever given, in order: somebody may still have what all pools have dropped.
func (w *World) Seen() []*Tx { return slices.Clone(w.seen) }
