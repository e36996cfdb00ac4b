// Package recount counts payments on the chain itself, block by block. It imports no package of coffer, so it cannot
// share a mistake with it.
package recount

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// Payment is one that was asked for: Amount base units of Token (zero address: the chain's own coin) to To.
type Payment struct {
	To     common.Address
	Token  common.Address
	Amount *big.Int
}

// Wallet is one that payments go out from, with the next nonce its ledger would hand out.
type Wallet struct {
	Address common.Address
	Cursor  uint64
}

// Count is what the blocks say.
type Count struct {
	Asked         int    `json:"asked"`
	PaidOnce      int    `json:"paid_once"`
	PaidTwice     int    `json:"paid_twice"` // recipients paid more than once
	Lost          int    `json:"lost"`       // recipients never paid, or with another amount
	SkippedNonces uint64 `json:"skipped_nonces"`
	Wallets       int    `json:"wallets"`
	// Unasked is transactions out of the wallets that pay nobody who was asked for (gap fills are transfers of nothing
	// from a wallet to itself, and are not counted here).
	Unasked int `json:"unasked"`
}

var transferTopic = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))

// key names a payment that can be told from every other: each recipient is asked for once.
type key struct {
	to, token common.Address
}

// Blocks counts in every block from first to the latest.
func Blocks(ctx context.Context, node *ethclient.Client, first uint64, wallets []Wallet, asked []Payment) (Count, error) {
	c := counter{ours: map[common.Address]bool{}, paid: map[key][]*big.Int{}, spent: map[common.Address]map[uint64]int{}}
	for _, w := range wallets {
		c.ours[w.Address] = true
		c.spent[w.Address] = map[uint64]int{}
	}
	head, err := node.BlockNumber(ctx)
	if err != nil {
		return Count{}, fmt.Errorf("ask for the latest block: %w", err)
	}
	for n := first; n <= head; n++ {
		if err := c.block(ctx, node, n); err != nil {
			return Count{}, fmt.Errorf("count block %d: %w", n, err)
		}
	}
	return c.sum(wallets, asked), nil
}

type counter struct {
	ours  map[common.Address]bool
	paid  map[key][]*big.Int                // what each recipient got, in order
	spent map[common.Address]map[uint64]int // how often each nonce of a wallet is in a block
}

func (c *counter) block(ctx context.Context, node *ethclient.Client, n uint64) error {
	block, err := node.BlockByNumber(ctx, new(big.Int).SetUint64(n))
	if err != nil {
		return err
	}
	if len(block.Transactions()) == 0 {
		return nil
	}
	receipts, err := node.BlockReceipts(ctx, rpc.BlockNumberOrHashWithHash(block.Hash(), false))
	if err != nil {
		return fmt.Errorf("its receipts: %w", err)
	}
	for i, tx := range block.Transactions() {
		from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), tx)
		if err != nil {
			return fmt.Errorf("sender of %s: %w", tx.Hash(), err)
		}
		if i >= len(receipts) || receipts[i].TxHash != tx.Hash() {
			return fmt.Errorf("no receipt of %s", tx.Hash())
		}
		if c.ours[from] {
			c.spent[from][tx.Nonce()]++
			c.transaction(from, tx, receipts[i])
		}
	}
	return nil
}

func (c *counter) transaction(from common.Address, tx *types.Transaction, r *types.Receipt) {
	if r.Status != types.ReceiptStatusSuccessful {
		return
	}
	if tx.Value().Sign() > 0 && tx.To() != nil {
		k := key{to: *tx.To()}
		c.paid[k] = append(c.paid[k], tx.Value())
	}
	for _, l := range r.Logs {
		if len(l.Topics) == 3 && l.Topics[0] == transferTopic && common.BytesToAddress(l.Topics[1][:]) == from {
			k := key{to: common.BytesToAddress(l.Topics[2][:]), token: l.Address}
			c.paid[k] = append(c.paid[k], new(big.Int).SetBytes(l.Data))
		}
	}
}

func (c *counter) sum(wallets []Wallet, asked []Payment) Count {
	count := Count{Asked: len(asked), Wallets: len(wallets)}
	for _, p := range asked {
		k := key{to: p.To, token: p.Token}
		got := c.paid[k]
		delete(c.paid, k)
		switch {
		case len(got) > 1:
			count.PaidTwice++
		case len(got) == 1 && got[0].Cmp(p.Amount) == 0:
			count.PaidOnce++
		default:
			count.Lost++
		}
	}
	for _, got := range c.paid {
		count.Unasked += len(got)
	}
	for _, w := range wallets {
		for n := range w.Cursor {
			if c.spent[w.Address][n] == 0 {
				count.SkippedNonces++
			}
		}
	}
	return count
}
