package gethnode_test

import (
	"context"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
)

func TestATokenIsDeployedByItselfAndWhileSomebodyMines(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	rich := crypto.PubkeyToAddress(key.PublicKey)
	n, err := gethnode.Start(gethnode.Options{Alloc: map[common.Address]*big.Int{rich: big.NewInt(params.Ether)}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	alone, err := n.DeployToken(t.Context(), key, "ONE")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	mined := make(chan struct{})
	go func() { defer close(mined); n.Mine(ctx, 20*time.Millisecond) }()
	beside, err := n.DeployToken(t.Context(), key, "TWO")
	stop()
	<-mined
	if err != nil || alone == beside {
		t.Fatalf("%s and %s, %v", alone, beside, err)
	}
}

func TestAForkBringsTransactionsBackIntoThePool(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	rich := crypto.PubkeyToAddress(key.PublicKey)
	n, err := gethnode.Start(gethnode.Options{Alloc: map[common.Address]*big.Int{rich: big.NewInt(params.Ether)}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	proxy, err := rpcproxy.Start(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	client, err := ethclient.DialContext(t.Context(), proxy.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	parent := n.Commit()
	tx := types.MustSignNewTx(key, types.LatestSignerForChainID(big.NewInt(1337)), &types.DynamicFeeTx{
		ChainID: big.NewInt(1337), Gas: 21000, To: &rich, GasFeeCap: big.NewInt(10 * params.GWei), GasTipCap: big.NewInt(params.GWei),
	})
	proxy.DropAnswers("eth_sendRawTransaction", 1)
	if err := client.SendTransaction(t.Context(), tx); err == nil {
		t.Fatal("the answer was not dropped")
	}
	n.Commit()
	if _, err := client.TransactionReceipt(t.Context(), tx.Hash()); err != nil {
		t.Fatalf("the node did not hear it: %v", err)
	}
	if err := n.Fork(parent); err != nil {
		t.Fatal(err)
	}
	n.Commit()
	n.Commit()
	if _, err := client.TransactionReceipt(t.Context(), tx.Hash()); err != nil {
		t.Fatalf("not mined again: %v", err)
	}
	proxy.Refuse(true)
	if _, err := client.BlockNumber(t.Context()); err == nil {
		t.Fatal("a refusing proxy answered")
	}
}

func TestTheFirstBlockHasTheChainIDAndTheNoncesAskedFor(t *testing.T) {
	busy := common.HexToAddress("0x52908400098527886E0F7030069857D2E4169EE7")
	n, err := gethnode.Start(gethnode.Options{ChainID: 1, Nonces: map[common.Address]uint64{busy: 120}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	client, err := ethclient.DialContext(t.Context(), n.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	id, err := client.ChainID(t.Context())
	if err != nil || id.Int64() != 1 || n.ChainID() != 1 {
		t.Errorf("chain id %v, %d, %v", id, n.ChainID(), err)
	}
	if count, err := client.NonceAt(t.Context(), busy, nil); err != nil || count != 120 {
		t.Errorf("count %d, %v", count, err)
	}
}
