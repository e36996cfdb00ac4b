// Package gethnode is a real EVM node, go-ethereum's own, in this process: for the demo and the tests, never for the programs.
//
// It keeps everything in memory (or in Options.DataDir), answers JSON-RPC on a free loopback port, and makes a block when it is
// told to. Its pool is the pool of every geth, with the sizes that Options say.
package gethnode

import (
	"context"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// devChainID is that of params.AllDevChainProtocolChanges.
const devChainID = 1337

// Options are what a node starts with. Sizes that are zero are large enough for thousands of payments at once; geth's own
// are AccountSlots 16, AccountQueue 64, GlobalSlots 5120, GlobalQueue 1024.
type Options struct {
	ChainID uint64                      // default 1337
	Alloc   map[common.Address]*big.Int // balances in the first block, in wei
	Nonces  map[common.Address]uint64   // nonces of accounts in the first block, as if they had sent so many
	Code    map[common.Address][]byte   // contracts in the first block
	Port    int                         // loopback port of HTTP and websocket; default any free one

	// NextRules makes the chain follow all rules that this go-ethereum knows; else they are Osaka's, those of Ethereum in
	// November 2026. The next ones make new state dear (EIP-8037): a token's transfer to a new holder takes 150,000 gas.
	NextRules bool

	// DataDir keeps the chain, so that a node started there again goes on with it, also when the one before was killed: each
	// block's state is on disk at once. Alloc must be the same. The pool is never kept. Empty: all is in memory.
	DataDir string

	AccountSlots uint64 // executable transactions of an account that the pool keeps for certain
	AccountQueue uint64 // transactions of an account above a missing nonce
	GlobalSlots  uint64 // executable ones of all accounts
	GlobalQueue  uint64 // those above a missing nonce of all accounts
}

// Node is a running node. Its methods may be called from many goroutines.
type Node struct {
	stack   *node.Node
	eth     *eth.Ethereum
	beacon  *catalyst.SimulatedBeacon
	client  *ethclient.Client
	chainID uint64

	mu       sync.Mutex // one block, or one fork, at a time
	withheld bool
	miners   int
}

// Start starts a node with one block.
func Start(o Options) (*Node, error) {
	conf := node.DefaultConfig
	conf.DataDir = o.DataDir
	conf.IPCPath = ""
	conf.DBEngine = rawdb.DBLeveldb // pebble, the default, keeps up to 32 KiB of small writes in the process, and a kill loses them
	conf.P2P = p2p.Config{NoDiscovery: true}
	conf.HTTPHost, conf.HTTPPort = "127.0.0.1", o.Port
	conf.HTTPModules = []string{"eth", "net", "web3", "txpool", "debug"}
	conf.WSHost, conf.WSPort, conf.WSModules = conf.HTTPHost, o.Port, conf.HTTPModules
	stack, err := node.New(&conf)
	if err != nil {
		return nil, fmt.Errorf("set up the node: %w", err)
	}
	n := &Node{stack: stack, chainID: orElse(o.ChainID, devChainID)}
	if err := n.start(o); err != nil {
		n.Close()
		return nil, fmt.Errorf("start the node: %w", err)
	}
	return n, nil
}

// start follows newWithNode of go-ethereum's ethclient/simulated.
func (n *Node) start(o Options) (err error) {
	if n.eth, err = eth.New(n.stack, o.config()); err != nil {
		return err
	}
	n.stack.RegisterAPIs([]rpc.API{{
		Namespace: "eth",
		Service:   filters.NewFilterAPI(filters.NewFilterSystem(n.eth.APIBackend, filters.Config{})),
	}})
	if err = n.stack.Start(); err != nil {
		return err
	}
	if n.beacon, err = catalyst.NewSimulatedBeacon(0, common.Address{}, n.eth); err != nil {
		return err
	}
	n.client = ethclient.NewClient(n.stack.Attach())
	return nil
}

func (o Options) config() *ethconfig.Config {
	alloc := core.SystemContractAllocs()
	for a, wei := range o.Alloc {
		alloc[a] = types.Account{Balance: wei}
	}
	for a, n := range o.Nonces {
		account := alloc[a]
		if account.Nonce = n; account.Balance == nil {
			account.Balance = new(big.Int)
		}
		alloc[a] = account
	}
	for a, code := range o.Code {
		account := alloc[a]
		if account.Code = code; account.Balance == nil {
			account.Balance = new(big.Int)
		}
		alloc[a] = account
	}
	rules := *params.AllDevChainProtocolChanges
	rules.ChainID = new(big.Int).SetUint64(orElse(o.ChainID, devChainID))
	if !o.NextRules {
		rules.AmsterdamTime, rules.BogotaTime = nil, nil
	}
	conf := ethconfig.Defaults
	conf.Genesis = &core.Genesis{Config: &rules, GasLimit: conf.Miner.GasCeil, Alloc: alloc}
	conf.SyncMode = ethconfig.FullSync
	conf.LogNoHistory = true
	if o.DataDir != "" {
		conf.NoPruning, conf.StateScheme = true, rawdb.HashScheme
	}
	conf.TxPool.NoLocals = true // else what comes over HTTP is local, and the pool's sizes do not hold for it
	conf.TxPool.AccountSlots = orElse(o.AccountSlots, 1024)
	conf.TxPool.AccountQueue = orElse(o.AccountQueue, 1024)
	conf.TxPool.GlobalSlots = orElse(o.GlobalSlots, 16384)
	conf.TxPool.GlobalQueue = orElse(o.GlobalQueue, 8192)
	return &conf
}

func orElse(n, otherwise uint64) uint64 {
	if n == 0 {
		return otherwise
	}
	return n
}

// URL is where the node answers JSON-RPC.
func (n *Node) URL() string { return n.stack.HTTPEndpoint() }

// WSURL is where it tells of new blocks, on the same port.
func (n *Node) WSURL() string { return n.stack.WSEndpoint() }

// ChainID is the id of its chain (EIP-155).
func (n *Node) ChainID() int64 { return int64(n.chainID) }

// Commit makes a block of all that the pool was given and gives its hash, also while blocks are withheld. When it returns, the
// node has caught up with the block: what is in it is not pending any more, and what is nowhere is known to be nowhere.
func (n *Node) Commit() common.Hash {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.SortPool()
	_ = n.eth.TxPool().Sync() // an error only says that the node ends
	block := n.beacon.Commit()
	_ = n.eth.TxPool().Sync()
	within(catchUpWithin, n.eth.APIBackend.TxIndexDone) // if it has not, it says so itself when it is asked
	return block
}

// SortPool waits until the pool has gone over all that it was given: geth answers first, and makes executable or drops a moment
// later. A reset of the pool in that moment (Sync is one) leaves executable ones behind for a whole block.
func (n *Node) SortPool() {
	within(sortedWithin, func() bool {
		if _, queued := n.eth.TxPool().Stats(); queued == 0 {
			return true
		}
		executable, queued := n.eth.TxPool().Content()
		for account, txs := range queued {
			next := n.nonce(account)
			if due := executable[account]; len(due) > 0 {
				next = due[len(due)-1].Nonce() + 1
			}
			if txs[0].Nonce() <= next {
				return false
			}
		}
		return true
	})
}

// nonce is what the account's next transaction has after the newest block.
func (n *Node) nonce(account common.Address) uint64 {
	state, err := n.eth.BlockChain().State()
	if err != nil {
		return 0 // the node ends
	}
	return state.GetNonce(account)
}

// How long a block waits for the pool, and for the node's index of transactions.
const (
	sortedWithin  = time.Second
	catchUpWithin = 5 * time.Second
)

// within waits until something is done, but not for ever.
func within(limit time.Duration, done func() bool) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}

// Mine makes a block at each interval until ctx ends, but for the time in which blocks are withheld.
func (n *Node) Mine(ctx context.Context, every time.Duration) {
	n.MineIf(ctx, every, func() bool { return true })
}

// MineIf is Mine that asks each time whether it may.
func (n *Node) MineIf(ctx context.Context, every time.Duration, may func() bool) {
	n.miner(+1)
	defer n.miner(-1)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !may() {
				continue
			}
			n.mu.Lock()
			if !n.withheld {
				n.beacon.Commit()
			}
			n.mu.Unlock()
		}
	}
}

func (n *Node) miner(by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.miners += by
}

// Withhold stops Mine from making blocks, or lets it go on.
func (n *Node) Withhold(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.withheld = yes
}

// Fork makes a block the head again, so that the next Commit builds on it. It drops what the pool holds, because geth does
// not fork otherwise; transactions of the blocks left behind come back into the pool.
func (n *Node) Fork(parent common.Hash) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.beacon.Rollback()
	return n.beacon.Fork(parent)
}

// ClearPool drops what the pool holds, as a node does that is restarted or too full.
func (n *Node) ClearPool() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.beacon.Rollback()
}

// Close ends the node and waits for what geth lets one wait for.
func (n *Node) Close() {
	if n.client != nil {
		n.client.Close()
	}
	if n.beacon != nil {
		n.beacon.Stop() // always nil
	}
	n.stack.Close() // reports only what can be wrong with a data directory, and there is none
}
