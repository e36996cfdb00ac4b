package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"coffer.internal/internal/chain/evm/anvil"
	"coffer.internal/internal/chain/evm/rpcproxy"
)

// chain is one of the two: a node as a process, and between it and each daemon a connection that can be made bad.
type chain struct {
	name          string
	id            int64
	url           string
	confirmations int
	blocks        func(yes bool) error // makes blocks, or stops that
	client        *ethclient.Client
	rich          *ecdsa.PrivateKey
	token         common.Address
	first         uint64 // the first block that can hold a payment
	proxies       []*rpcproxy.Proxy

	// Of geth, which may be killed:
	program string
	dataDir string
	port    int
	run     *child
	in      io.Writer
	answers *bufio.Scanner
}

const (
	gethID, anvilID = 1337, 31337
	gethBlocks      = 500 * time.Millisecond
	anvilBlocks     = 1 // second
)

// startGeth starts go-ethereum's node. Killed, it loses its pool and keeps its chain.
func startGeth(ctx context.Context, c *crew, program, dir string, rich *ecdsa.PrivateKey) (*chain, error) {
	g := &chain{name: "geth", id: gethID, confirmations: 2, program: program, dataDir: filepath.Join(dir, "geth"), rich: rich}
	var err error
	if g.port, err = freePort(); err != nil {
		return nil, err
	}
	g.url = fmt.Sprintf("http://127.0.0.1:%d", g.port)
	g.blocks = func(yes bool) error {
		if yes {
			return g.tell("mine")
		}
		return g.tell("withhold")
	}
	if err := g.startNode(c); err != nil {
		return nil, err
	}
	g.client, err = ethclient.DialContext(ctx, g.url)
	return g, err
}

func (g *chain) startNode(c *crew) error {
	cmd := exec.Command(g.program, "-datadir", g.dataDir, "-port", fmt.Sprint(g.port), "-every", gethBlocks.String(),
		"-rich", crypto.PubkeyToAddress(g.rich.PublicKey).Hex())
	in, inEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	outEnd, out, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout = in, out
	g.run, err = c.start(g.name, cmd)
	if err := errors.Join(err, in.Close(), out.Close()); err != nil {
		return err
	}
	g.in, g.answers = inEnd, bufio.NewScanner(outEnd)
	go func(k *child) {
		<-k.done
		_, _ = inEnd.Close(), outEnd.Close()
	}(g.run)
	return g.hear("ready")
}

func (g *chain) tell(word string) error {
	if err := line(g.in, word); err != nil {
		return fmt.Errorf("tell %s to %s: %w", g.name, word, err)
	}
	return g.hear(word)
}

func (g *chain) hear(word string) error {
	for g.answers.Scan() {
		if g.answers.Text() == word {
			return nil
		}
	}
	return fmt.Errorf("%s ended before it said %q:\n%s", g.name, word, g.run.tail())
}

// startAnvil starts Foundry's node, which can be told to reorganize. What is in a block that is left behind, it drops.
func startAnvil(ctx context.Context, c *crew, dir string, rich *ecdsa.PrivateKey) (*chain, error) {
	program, err := anvil.Find()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	a := &chain{name: "anvil", id: anvilID, confirmations: 4, url: fmt.Sprintf("http://127.0.0.1:%d", port), rich: rich}
	cmd := exec.Command(program, "--port", fmt.Sprint(port), "--block-time", fmt.Sprint(anvilBlocks), "--silent")
	cmd.Env = append(os.Environ(), "HOME="+dir) // old states go below it
	cmd.Stdout = io.Discard
	if a.run, err = c.start(a.name, cmd); err != nil {
		return nil, err
	}
	if a.client, err = ethclient.DialContext(ctx, a.url); err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := until(ready, "anvil", 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		_, err := a.client.BlockNumber(ctx)
		return err == nil, err
	}); err != nil {
		return nil, err
	}
	a.blocks = func(yes bool) error {
		every := 0
		if yes {
			every = anvilBlocks
		}
		return a.call(ctx, "evm_setIntervalMining", every)
	}
	wei := (*hexutil.Big)(new(big.Int).Lsh(big.NewInt(1), 100))
	return a, a.call(ctx, "anvil_setBalance", crypto.PubkeyToAddress(rich.PublicKey), wei)
}

func (c *chain) call(ctx context.Context, method string, args ...any) error {
	client, err := rpc.DialOptions(ctx, c.url, rpc.WithHTTPClient(&http.Client{Timeout: 30 * time.Second}))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.CallContext(ctx, nil, method, args...); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// connect makes a connection for one more process, and gives its URL.
func (c *chain) connect() (string, error) {
	p, err := rpcproxy.Start(c.url)
	if err != nil {
		return "", err
	}
	c.proxies = append(c.proxies, p)
	return p.URL(), nil
}

func (c *chain) close() {
	for _, p := range c.proxies {
		p.Close()
	}
	if c.client != nil {
		c.client.Close()
	}
}

// each does something to all connections of the chain.
func (c *chain) each(do func(*rpcproxy.Proxy)) {
	for _, p := range c.proxies {
		do(p)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// fees are those of the transactions that set the stage.
var feeCap, tip = big.NewInt(100 * params.GWei), big.NewInt(params.GWei)
