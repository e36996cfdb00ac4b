package gethnode

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain/evm/testtoken"
)

// deployGas is more than the test contracts take.
const deployGas = 3_000_000

// DeployToken creates an ERC-20 token without decimals whose whole supply, 10^24, is key's, and waits for its block: one that
// a Mine makes, or its own if none runs.
func (n *Node) DeployToken(ctx context.Context, key *ecdsa.PrivateKey, name string) (common.Address, error) {
	creation, err := testtoken.Creation(name, testtoken.Good)
	if err != nil {
		return common.Address{}, err
	}
	return n.Deploy(ctx, key, creation)
}

// Deploy creates a contract from key's account, and waits as DeployToken does.
func (n *Node) Deploy(ctx context.Context, key *ecdsa.PrivateKey, creation []byte) (common.Address, error) {
	from := crypto.PubkeyToAddress(key.PublicKey)
	nonce, err := n.client.PendingNonceAt(ctx, from)
	if err != nil {
		return common.Address{}, fmt.Errorf("deploy: %w", err)
	}
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(new(big.Int).SetUint64(n.chainID)), &types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(n.chainID), Nonce: nonce, Gas: deployGas, Data: creation,
		GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei),
	})
	if err != nil {
		return common.Address{}, fmt.Errorf("deploy: %w", err)
	}
	if err := n.client.SendTransaction(ctx, tx); err != nil {
		return common.Address{}, fmt.Errorf("deploy: %w", err)
	}
	receipt, err := n.mined(ctx, tx.Hash())
	if err != nil {
		return common.Address{}, fmt.Errorf("deploy: %w", err)
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return common.Address{}, errors.New("deploy: the constructor reverted")
	}
	return receipt.ContractAddress, nil
}

// mined waits for a transaction's receipt, and makes blocks for it while nobody else does.
func (n *Node) mined(ctx context.Context, hash common.Hash) (*types.Receipt, error) {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if n.unattended() {
			n.Commit()
		}
		receipt, err := n.client.TransactionReceipt(ctx, hash)
		if err == nil {
			return receipt, nil
		}
		// Right after its block geth has not indexed it yet, and says so in an error of its own.
		if !errors.Is(err, ethereum.NotFound) && ctx.Err() != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-look.C:
		}
	}
}

// unattended says that no Mine runs.
func (n *Node) unattended() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.miners == 0
}
