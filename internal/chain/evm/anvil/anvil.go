// Package anvil runs Foundry's node, a second and independent EVM node beside go-ethereum's, as a child process: for tests.
// It makes blocks only when Mine says so. `make tools` installs it.
package anvil

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

// binary is where npm puts the program, below the folder of the tools. The script beside it, bin/anvil, is a Node process whose
// child outlives it.
const binary = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"

// ErrNotInstalled says that the program is not there.
var ErrNotInstalled = errors.New("anvil is not installed: make tools")

// Options are what a node starts with.
type Options struct {
	Alloc map[common.Address]*big.Int // balances in wei
}

// Node is a running anvil.
type Node struct {
	url    string
	client *rpc.Client
	stop   context.CancelFunc
	ended  chan struct{}
}

// Start starts a node on a free loopback port. It lives until Close, and dies with this process.
func Start(ctx context.Context, o Options) (*Node, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	n := &Node{stop: stop, ended: make(chan struct{})}
	listening := make(chan string, 1)
	go n.run(life, path, listening)
	select {
	case n.url = <-listening:
	case <-n.ended:
		stop()
		return nil, errors.New("anvil ended before it listened")
	case <-ctx.Done():
		stop()
		<-n.ended
		return nil, ctx.Err()
	}
	if err := n.prepare(ctx, o); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// run is the child's whole life. It keeps its thread, because Linux sends Pdeathsig when the thread that made the child ends.
func (n *Node) run(ctx context.Context, path string, listening chan<- string) {
	defer close(n.ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, path, "--port", "0", "--no-mining")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return
	}
	if err := cmd.Start(); err != nil {
		return
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "Listening on "); ok {
			listening <- "http://" + address
			break
		}
	}
	io.Copy(io.Discard, out) // until it ends; what it says is of no use
	cmd.Wait()               // killed, by Close: an error that means nothing
}

func (n *Node) prepare(ctx context.Context, o Options) (err error) {
	if n.client, err = rpc.DialContext(ctx, n.url); err != nil {
		return err
	}
	for a, wei := range o.Alloc {
		if err := n.Call(ctx, nil, "anvil_setBalance", a, (*hexutil.Big)(wei)); err != nil {
			return err
		}
	}
	return nil
}

// Find looks for the program in $COFFER_TESTTOOLS, else in the folder testtools of the module's root, from the working directory
// upward.
func Find() (string, error) {
	if tools := os.Getenv("COFFER_TESTTOOLS"); tools != "" {
		return filepath.Join(tools, binary), nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, "testtools", binary)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", ErrNotInstalled
		}
		dir = up
	}
}

// URL is where the node answers JSON-RPC.
func (n *Node) URL() string { return n.url }

// ChainID is anvil's own, 31337.
func (n *Node) ChainID() int64 { return 31337 }

// Mine makes blocks of what the pool holds.
func (n *Node) Mine(ctx context.Context, blocks int) error {
	return n.Call(ctx, nil, "anvil_mine", hexutil.Uint64(blocks))
}

// Call calls a method of the node, such as anvil_reorg or anvil_dropTransaction; result may be nil.
func (n *Node) Call(ctx context.Context, result any, method string, params ...any) error {
	if err := n.client.CallContext(ctx, result, method, params...); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// Close kills the node and waits for its end.
func (n *Node) Close() {
	if n.client != nil {
		n.client.Close()
	}
	n.stop()
	<-n.ended
}
