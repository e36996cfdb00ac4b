// Command node is a geth as a process that may be killed: go-ethereum's own node on a data directory, with a block at each
// interval. The whole geth program takes minutes to build; this is the same node, pool and database without its command line.
//
//	node -datadir DIR -port N -rich ADDRESS -every 500ms
//
// It reads commands from standard input, a line each: `withhold` stops making blocks, `mine` goes on. Each is answered by the
// same word on standard output. It ends with its input, so it does not outlive whoever started it.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/chain/evm/gethnode"
)

func main() {
	dataDir := flag.String("datadir", "", "where the chain is kept")
	port := flag.Int("port", 0, "of JSON-RPC on loopback")
	rich := flag.String("rich", "", "an account with coin in the first block")
	every := flag.Duration("every", 500*time.Millisecond, "the time between blocks")
	flag.Parse()
	if err := run(gethnode.Options{
		DataDir: *dataDir, Port: *port,
		Alloc: map[common.Address]*big.Int{common.HexToAddress(*rich): new(big.Int).Lsh(big.NewInt(1), 100)},
	}, *every); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(o gethnode.Options, every time.Duration) error {
	if o.DataDir == "" {
		return errors.New("-datadir is missing")
	}
	n, err := gethnode.Start(o)
	if err != nil {
		return err
	}
	defer n.Close()
	ctx, stop := context.WithCancel(context.Background())
	mined := make(chan struct{})
	go func() {
		defer close(mined)
		n.Mine(ctx, every)
	}()
	defer func() { stop(); <-mined }()
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch word := in.Text(); word {
		case "withhold", "mine":
			n.Withhold(word == "withhold")
			fmt.Println(word)
		default:
			return fmt.Errorf("%q is no command: withhold, mine", word)
		}
	}
	return in.Err()
}
