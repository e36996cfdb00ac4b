package coffer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/wallet"
)

// exchange is everything round a System: a home, a signing machine behind its socket, a node that mines.
type exchange struct {
	home    string
	chainID int64
	hot     []string // the hot wallets' addresses
	ends    []func()
}

// openExchange makes it with hot wallets that have 10 ether each. What goes wrong panics: it is for tests and examples.
func openExchange(ctx context.Context, wallets int) *exchange {
	dir, err := os.MkdirTemp("", "coffer-example-")
	check(err)
	e := &exchange{home: filepath.Join(dir, "home"), ends: []func(){func() { check(os.RemoveAll(dir)) }}}
	check(os.Mkdir(e.home, 0o700))
	e.serveSigner(filepath.Join(dir, "signer"))
	e.createWallets(ctx, wallets)
	e.startNode()
	return e
}

func (e *exchange) close() {
	for i := len(e.ends) - 1; i >= 0; i-- {
		e.ends[i]()
	}
}

func (e *exchange) serveSigner(home string) {
	check(journal.Create(home))
	_, err := vault.Create(home, nil, []byte("x"), vault.Options{WorkFactor: 2})
	check(err)
	v, err := vault.Open(home, []byte("x"), vault.Options{})
	check(err)
	j, err := journal.Open(home, v.Device(), journal.Options{Policy: policytest.AllowAll()})
	check(err)
	m := signer.New(v, j, "example")
	l, err := signer.Socket{Path: filepath.Join(e.home, "signer.sock"), Mode: 0o600}.Listen()
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- signer.NewServer(m, slog.New(slog.DiscardHandler), signer.ServerOptions{}).Serve(ctx, l)
	}()
	e.ends = append(e.ends, func() {
		stop()
		check(errors.Join(<-served, m.Close()))
	})
}

// createWallets is what `coffer init` and `coffer create-hot` do.
func (e *exchange) createWallets(ctx context.Context, n int) {
	e.chainID = 1337
	config, err := coffer.LoadConfig(e.home)
	check(err)
	db, err := coffer.OpenDatabase(ctx, config, coffer.Options{})
	check(err)
	_, err = db.Migrate(ctx)
	check(errors.Join(err, db.Close()))
	system, err := coffer.Open(ctx, config, coffer.Options{})
	check(err)
	for range n {
		w, _, err := system.Wallets.CreateHot(ctx, wallet.HotRequest{ChainType: wallet.EVM, ChainID: e.chainID})
		check(err)
		e.hot = append(e.hot, w.Address)
	}
	check(system.Close())
}

func (e *exchange) startNode() {
	alloc := map[common.Address]*big.Int{}
	for _, address := range e.hot {
		alloc[common.HexToAddress(address)] = new(big.Int).Mul(big.NewInt(10), big.NewInt(params.Ether))
	}
	node, err := gethnode.Start(gethnode.Options{Alloc: alloc})
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	mined := make(chan struct{})
	go func() {
		defer close(mined)
		node.Mine(ctx, 50*time.Millisecond)
	}()
	e.ends = append(e.ends, func() {
		stop()
		<-mined
		node.Close()
	})
	e.configure(fmt.Sprintf("rpc = [%q]\npoll = \"20ms\"\n", node.URL()))
}

// configure adds lines to the chain's table in coffer.toml.
func (e *exchange) configure(lines string) {
	path := filepath.Join(e.home, "coffer.toml")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		text, err = fmt.Appendf(nil, "[chain.evm.%d]\n", e.chainID), nil
	}
	check(err)
	check(os.WriteFile(path, append(text, lines...), 0o600))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
