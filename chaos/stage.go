package main

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/demo/recount"
	"coffer.internal/internal/chain/evm/testtoken"
)

const tokenSymbol = "CHAOS"

// supply is what each wallet gets: coin for more than it can pay, and so many smallest units of the token.
var (
	coins  = new(big.Int).Mul(big.NewInt(10_000), big.NewInt(params.Ether))
	tokens = new(big.Int).Exp(big.NewInt(10), big.NewInt(15), nil)
)

// deploy makes the token and waits for it.
func (c *chain) deploy(ctx context.Context) error {
	code, err := testtoken.Creation(tokenSymbol, testtoken.Good)
	if err != nil {
		return err
	}
	receipts, err := c.sendAll(ctx, []*types.DynamicFeeTx{{Gas: 3_000_000, Data: code}})
	if err != nil {
		return fmt.Errorf("deploy the token on %s: %w", c.name, err)
	}
	c.token = receipts[0].ContractAddress
	return nil
}

// fund gives every wallet coin and token, and waits until no reorg takes them away.
func (c *chain) fund(ctx context.Context, wallets []common.Address) error {
	var txs []*types.DynamicFeeTx
	for _, a := range wallets {
		txs = append(txs, &types.DynamicFeeTx{To: &a, Value: coins, Gas: params.TxGas},
			&types.DynamicFeeTx{To: &c.token, Gas: 100_000, Data: transfer(a, tokens)})
	}
	receipts, err := c.sendAll(ctx, txs)
	if err != nil {
		return fmt.Errorf("fund the wallets on %s: %w", c.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	deep := receipts[len(receipts)-1].BlockNumber.Uint64() + uint64(c.confirmations)
	return until(ctx, "the funds to be final", 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		c.first, err = c.client.BlockNumber(ctx)
		return err == nil && c.first >= deep, err
	})
}

// sendAll sends transactions of the rich account and waits until all have succeeded.
func (c *chain) sendAll(ctx context.Context, txs []*types.DynamicFeeTx) ([]*types.Receipt, error) {
	nonce, err := c.client.PendingNonceAt(ctx, crypto.PubkeyToAddress(c.rich.PublicKey))
	if err != nil {
		return nil, err
	}
	hashes := make([]common.Hash, len(txs))
	for i, tx := range txs {
		tx.ChainID, tx.Nonce, tx.GasFeeCap, tx.GasTipCap = big.NewInt(c.id), nonce+uint64(i), feeCap, tip
		if tx.Value == nil {
			tx.Value = new(big.Int)
		}
		signed, err := types.SignNewTx(c.rich, types.LatestSignerForChainID(tx.ChainID), tx)
		if err != nil {
			return nil, err
		}
		if err := c.client.SendTransaction(ctx, signed); err != nil {
			return nil, err
		}
		hashes[i] = signed.Hash()
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	receipts := make([]*types.Receipt, len(hashes))
	for i, h := range hashes {
		err := until(ctx, "the receipt of "+h.Hex(), 50*time.Millisecond, func(ctx context.Context) (bool, error) {
			r, err := c.client.TransactionReceipt(ctx, h)
			receipts[i] = r
			return err == nil, err
		})
		if err != nil {
			return nil, err
		}
		if receipts[i].Status != types.ReceiptStatusSuccessful {
			return nil, fmt.Errorf("%s failed", h)
		}
	}
	return receipts, nil
}

// transfer is the call data of an ERC-20 transfer.
func transfer(to common.Address, amount *big.Int) []byte {
	data := crypto.Keccak256([]byte("transfer(address,uint256)"))[:4]
	data = append(data, common.LeftPadBytes(to[:], 32)...)
	return append(data, common.LeftPadBytes(amount.Bytes(), 32)...)
}

// payment is one withdrawal: its request id, and what the chain must show.
type payment struct {
	request string
	chain   *chain
	recount.Payment
}

// payments are n withdrawals, each to its own recipient with its own amount: half on each chain, half of those in its token.
func payments(n int, chains []*chain) []payment {
	all := make([]payment, n)
	for i := range all {
		c := chains[i%len(chains)]
		p := payment{request: fmt.Sprintf("chaos-%d", i), chain: c, Payment: recount.Payment{
			To:     common.BytesToAddress(crypto.Keccak256(fmt.Appendf(nil, "customer %d", i))[12:]),
			Amount: big.NewInt(int64(1000 + i)),
		}}
		if i/len(chains)%2 == 1 {
			p.Token = c.token
		}
		all[i] = p
	}
	return all
}
