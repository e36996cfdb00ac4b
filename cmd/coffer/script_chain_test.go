package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
)

// rich is the account that the scripts' node gives money to.
var rich, _ = crypto.HexToECDSA("4646464646464646464646464646464646464646464646464646464646464646")

// scriptChain is the chain of a script.
type scriptChain struct{ node *gethnode.Node }

// startNode runs a real node that mines, until the script ends; $NODE is its URL, and home/coffer.toml names it.
//
//	node
func startNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: node")
	}
	node, err := gethnode.Start(gethnode.Options{Alloc: map[common.Address]*big.Int{
		crypto.PubkeyToAddress(rich.PublicKey): new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether)),
	}})
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	mined := make(chan struct{})
	go func() {
		defer close(mined)
		node.Mine(ctx, 50*time.Millisecond)
	}()
	ts.Defer(func() {
		stop()
		<-mined
		node.Close()
	})
	ts.Value("chain").(*scriptChain).node = node
	ts.Setenv("NODE", node.URL())
	config := "lease = \"1s\"\n[chain.evm.1337]\nrpc = [\"" + node.URL() + "\"]\npoll = \"20ms\"\n"
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("COFFER_HOME"), "coffer.toml"), []byte(config), 0o600))
}

// liar puts a second node beside the first, which counts one transaction more of every account; home/coffer.toml names both.
//
//	liar
func liar(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: liar")
	}
	p, err := rpcproxy.Start(ts.Getenv("NODE"))
	ts.Check(err)
	ts.Defer(p.Close)
	p.Lie(func(method string, result json.RawMessage) json.RawMessage {
		var count hexutil.Uint64
		if method != "eth_getTransactionCount" || json.Unmarshal(result, &count) != nil {
			return result
		}
		return json.RawMessage(fmt.Sprintf("%q", count+1))
	})
	config := fmt.Sprintf("[chain.evm.1337]\nrpc = [%q, %q]\npoll = \"20ms\"\n", ts.Getenv("NODE"), p.URL())
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("COFFER_HOME"), "coffer.toml"), []byte(config), 0o600))
}

// fund gives 10 ether to the address that stands in a file of JSON under "address", waits for its block, and sets $HOT.
//
//	fund FILE
func fund(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fund FILE")
	}
	_, rest, ok := strings.Cut(ts.ReadFile(args[0]), `"address": "`)
	if !ok {
		ts.Fatalf("%s has no address", args[0])
	}
	to := common.HexToAddress(rest[:42])
	ts.Setenv("HOT", to.Hex())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := ethclient.DialContext(ctx, ts.Getenv("NODE"))
	ts.Check(err)
	defer client.Close()
	nonce, err := client.PendingNonceAt(ctx, crypto.PubkeyToAddress(rich.PublicKey))
	ts.Check(err)
	id := big.NewInt(1337)
	tx, err := types.SignNewTx(rich, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, To: &to, Value: new(big.Int).Mul(big.NewInt(10), big.NewInt(params.Ether)), Gas: params.TxGas,
		GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei),
	})
	ts.Check(err)
	ts.Check(client.SendTransaction(ctx, tx))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := client.TransactionReceipt(ctx, tx.Hash()); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("the transfer to %s is not in a block: %v", to, ctx.Err())
		}
	}
}

// daemon starts `coffer run` beside the script, or kills the one that was started with SIGKILL.
//
//	daemon start|kill
func daemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: daemon start|kill")
	}
	running := ts.Value("daemon").(*process)
	if args[0] == "kill" {
		running.kill()
		return
	}
	cmd := exec.Command(os.Args[0], "run")
	cmd.Env = append(os.Environ(), "COFFER_TEST_MAIN=1", "HOME="+ts.Getenv("HOME"), "COFFER_HOME="+ts.Getenv("COFFER_HOME"), "COFFER_DB="+ts.Getenv("COFFER_DB"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(ts.MkAbs("daemon.log"))
	ts.Check(err)
	cmd.Stderr = log
	ts.Check(cmd.Start())
	*running = process{cmd, make(chan struct{})}
	p := *running
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
		_ = log.Close()
	}()
	ts.Defer(p.kill)
}

// process is the daemon of a script.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func (p process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// The scripts that pay run once more with everything in PostgreSQL.
func TestPayingScriptsOnPostgres(t *testing.T) {
	testscript.Run(t, scriptsOnPostgres(t, "testdata/pay"))
}

func TestPayingScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/pay"))
}
