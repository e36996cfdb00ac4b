package evm_test

import (
	"crypto/ecdsa"
	"errors"
	"math/big"
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/chain/chaintest"
	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/anvil"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/signer/evmtx"
	"coffer.internal/signing"
)

const confirmations = 3

func TestOnGeth(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.World { return newTown(t, startGeth).World })
}

func TestOnGethWithTheNextRules(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.World { return newTown(t, startNextGeth).World })
}

func TestOnAnvil(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.World { return newTown(t, startAnvil).World })
}

// town is a world with what only EVM tests look at.
type town struct {
	chaintest.World
	proxy *rpcproxy.Proxy
	node  node
	key   *ecdsa.PrivateKey // Payer's
	geth  *gethnode.Node    // nil on anvil
}

// node is what both nodes can do.
type node struct {
	url     string
	chainID int64
	mine    func(t *testing.T, blocks int)
	geth    *gethnode.Node
}

func startGeth(t *testing.T, alloc map[common.Address]*big.Int) node {
	return startGethWith(t, gethnode.Options{Alloc: alloc})
}

func startNextGeth(t *testing.T, alloc map[common.Address]*big.Int) node {
	return startGethWith(t, gethnode.Options{Alloc: alloc, NextRules: true})
}

func startGethWith(t *testing.T, o gethnode.Options) node {
	n, err := gethnode.Start(o)
	must(t, err)
	t.Cleanup(n.Close)
	return node{n.URL(), n.ChainID(), func(_ *testing.T, blocks int) {
		for range blocks {
			n.Commit()
		}
	}, n}
}

func startAnvil(t *testing.T, alloc map[common.Address]*big.Int) node {
	n, err := anvil.Start(t.Context(), anvil.Options{Alloc: alloc})
	if errors.Is(err, anvil.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(n.Close)
	return node{n.URL(), n.ChainID(), func(t *testing.T, blocks int) {
		t.Helper()
		if blocks > 0 {
			must(t, n.Mine(t.Context(), blocks))
		}
	}, nil}
}

func newTown(t *testing.T, start func(*testing.T, map[common.Address]*big.Int) node) *town {
	t.Helper()
	key, poor := newKey(t), newKey(t)
	payer := crypto.PubkeyToAddress(key.PublicKey)
	n := start(t, map[common.Address]*big.Int{payer: big.NewInt(10 * params.Ether / 4)})
	proxy, err := rpcproxy.Start(n.url)
	must(t, err)
	t.Cleanup(proxy.Close)
	w := &town{proxy: proxy, node: n, key: key, geth: n.geth}
	w.World = chaintest.World{
		Chain: newChain(t, n.chainID, proxy.URL()), ChainID: n.chainID, Confirmations: confirmations,
		Payer: payer.Hex(), Poor: crypto.PubkeyToAddress(poor.PublicKey).Hex(), Nonce: 1,
		Token: w.token(t, testtoken.Good),
		Sign: func(t *testing.T, intent signing.Intent) ([]byte, string) {
			t.Helper()
			k := key
			if intent.From != payer.Hex() {
				k = poor
			}
			raw, hash, err := evmtx.NewKey(k).Sign(intent)
			must(t, err)
			return raw, hash
		},
		Recipient:  func(t *testing.T) string { return crypto.PubkeyToAddress(newKey(t).PublicKey).Hex() },
		Mine:       n.mine,
		DropAnswer: func() { proxy.DropAnswers("eth_sendRawTransaction", 1) },
		Silence:    proxy.Refuse,
		Elsewhere:  func(t *testing.T) chain.Chain { return newChain(t, n.chainID+1, proxy.URL()) },
		Capped:     func(t *testing.T) chain.Chain { return capped(t, n.chainID, proxy.URL()) },
	}
	return w
}

func newChain(t *testing.T, id int64, urls ...string) *evm.Chain {
	t.Helper()
	c, err := evm.New(evm.Options{ChainID: id, RPC: urls, Confirmations: confirmations})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// capped is a chain on which a unit of gas may cost 2 wei.
func capped(t *testing.T, id int64, url string) *evm.Chain {
	t.Helper()
	c, err := evm.New(evm.Options{
		ChainID: id, RPC: []string{url}, Confirmations: confirmations, Fees: evm.FeePolicy{MaxPerGas: big.NewInt(2)},
	})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// token deploys a token whose supply is Payer's.
func (w *town) token(t *testing.T, kind testtoken.Kind) string {
	t.Helper()
	creation, err := testtoken.Creation("TEST", kind)
	must(t, err)
	return w.deploy(t, creation)
}

// deploy deploys a contract from Payer's account, and moves World's Nonce.
func (w *town) deploy(t *testing.T, creation []byte) string {
	t.Helper()
	client, err := ethclient.DialContext(t.Context(), w.node.url)
	must(t, err)
	defer client.Close()
	nonce, err := client.NonceAt(t.Context(), crypto.PubkeyToAddress(w.key.PublicKey), nil)
	must(t, err)
	id := big.NewInt(w.node.chainID)
	tx, err := types.SignNewTx(w.key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, Gas: 3_000_000, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(params.GWei), Data: creation,
	})
	must(t, err)
	must(t, client.SendTransaction(t.Context(), tx))
	w.node.mine(t, 1)
	r, err := client.TransactionReceipt(t.Context(), tx.Hash())
	must(t, err)
	if r.Status != types.ReceiptStatusSuccessful {
		t.Fatal("the constructor reverted")
	}
	w.Nonce = nonce + 1
	return r.ContractAddress.Hex()
}

// call asks the node itself for something that only it has.
func (w *town) call(t *testing.T, method string, params ...any) {
	t.Helper()
	client, err := ethclient.DialContext(t.Context(), w.node.url)
	must(t, err)
	defer client.Close()
	must(t, client.Client().CallContext(t.Context(), nil, method, params...))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.GenerateKey()
	must(t, err)
	return key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
