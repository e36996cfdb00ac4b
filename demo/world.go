package main

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/demo/recount"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
)

const (
	tokenSymbol  = "DEMO"
	blockTime    = 250 * time.Millisecond
	tokenSupport = 1_000_000_000 // smallest units of the token for each wallet
)

// world is the chain: a real node in this process, and a way to make it bad.
type world struct {
	node   *gethnode.Node
	proxy  *rpcproxy.Proxy
	client *ethclient.Client
	rich   *ecdsa.PrivateKey
	token  common.Address
	first  uint64 // the first block that can hold a payment
	mined  chan struct{}
	stop   context.CancelFunc
}

func startWorld(ctx context.Context) (*world, error) {
	rich, err := crypto.GenerateKey()
	if err != nil {
		return nil, err
	}
	w := &world{rich: rich, mined: make(chan struct{})}
	if w.node, err = gethnode.Start(gethnode.Options{Alloc: map[common.Address]*big.Int{
		crypto.PubkeyToAddress(rich.PublicKey): ether(1_000_000),
	}}); err != nil {
		return nil, err
	}
	if w.client, err = ethclient.DialContext(ctx, w.node.URL()); err != nil {
		return nil, err
	}
	if w.proxy, err = rpcproxy.Start(w.node.URL()); err != nil {
		return nil, err
	}
	mining, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	go func() {
		defer close(w.mined)
		w.node.Mine(mining, blockTime)
	}()
	w.token, err = w.node.DeployToken(ctx, rich, tokenSymbol)
	return w, err
}

func (w *world) close() {
	w.stop()
	<-w.mined
	w.client.Close()
	w.proxy.Close()
	w.node.Close()
}

func (w *world) chainID() int64        { return w.node.ChainID() }
func (w *world) withhold(yes bool)     { w.node.Withhold(yes) }
func (w *world) delay(d time.Duration) { w.proxy.Delay(d) }
func ether(n int64) *big.Int           { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// config is the coffer.toml of the demo: only what differs from the defaults.
func (w *world) config() string {
	return fmt.Sprintf(`[chain.evm.%d]
rpc = [%q]
confirmations = 2
max_unmined = 64
poll = "100ms"
bump_after = "15s"
[chain.evm.%d.asset.%s]
contract = %q
decimals = 0
`, w.chainID(), w.proxy.URL(), w.chainID(), tokenSymbol, w.token.Hex())
}

// fund gives every wallet coin and token.
func (w *world) fund(ctx context.Context, wallets []common.Address) error {
	nonce, err := w.client.PendingNonceAt(ctx, crypto.PubkeyToAddress(w.rich.PublicKey))
	if err != nil {
		return err
	}
	var last common.Hash
	for _, a := range wallets {
		for _, tx := range []*types.DynamicFeeTx{
			{To: &a, Value: ether(1000), Gas: params.TxGas},
			{To: &w.token, Value: new(big.Int), Gas: 100_000, Data: transfer(a, big.NewInt(tokenSupport))},
		} {
			tx.ChainID, tx.Nonce, tx.GasFeeCap, tx.GasTipCap = big.NewInt(w.chainID()), nonce, big.NewInt(100*params.GWei), big.NewInt(params.GWei)
			signed, err := types.SignNewTx(w.rich, types.LatestSignerForChainID(tx.ChainID), tx)
			if err != nil {
				return err
			}
			if err := w.client.SendTransaction(ctx, signed); err != nil {
				return err
			}
			last = signed.Hash()
			nonce++
		}
	}
	err = until(ctx, "the wallets' funds", 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		r, err := w.client.TransactionReceipt(ctx, last)
		if err != nil {
			return false, nil // not in a block yet
		}
		if r.Status != types.ReceiptStatusSuccessful {
			return false, fmt.Errorf("a transfer to a wallet failed")
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	w.first, err = w.client.BlockNumber(ctx)
	return err
}

// transfer is the call data of an ERC-20 transfer.
func transfer(to common.Address, amount *big.Int) []byte {
	data := crypto.Keccak256([]byte("transfer(address,uint256)"))[:4]
	data = append(data, common.LeftPadBytes(to[:], 32)...)
	return append(data, common.LeftPadBytes(amount.Bytes(), 32)...)
}

// payments are n withdrawals, every second one in the token, each to its own recipient with its own amount.
func (w *world) payments(n int) []recount.Payment {
	all := make([]recount.Payment, n)
	for i := range all {
		all[i] = recount.Payment{
			To:     common.BytesToAddress(crypto.Keccak256(fmt.Appendf(nil, "customer %d", i))[12:]),
			Amount: big.NewInt(int64(1000 + i)),
		}
		if i%2 == 1 {
			all[i].Token = w.token
		}
	}
	return all
}
