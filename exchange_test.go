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
	"coffer.internal/internal/signer/vault"
	"coffer.internal/wallet"
)

// exchange is everything round a System: a home, a signing machine behind its socket, a node that mines.
type exchange struct {
	home    string
	chainID int64
	ends    []func()
}

// openExchange makes it with one hot wallet that has 10 ether. What goes wrong panics: it is for tests and examples.
func openExchange(ctx context.Context) *exchange {
	dir, err := os.MkdirTemp("", "coffer-example-")
	check(err)
	e := &exchange{home: filepath.Join(dir, "home"), ends: []func(){func() { check(os.RemoveAll(dir)) }}}
	check(os.Mkdir(e.home, 0o700))
	e.serveSigner(filepath.Join(dir, "signer"))
	address := e.createWallet(ctx)
	e.startNode(common.HexToAddress(address))
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
	j, err := journal.Open(home, v.Device(), journal.Options{})
	check(err)
	m := signer.New(v, j, "example")
	l, err := signer.Socket{Path: filepath.Join(e.home, "signer.sock"), Mode: 0o600}.Listen()
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- signer.NewServer(m, slog.New(slog.DiscardHandler)).Serve(ctx, l) }()
	e.ends = append(e.ends, func() {
		stop()
		check(errors.Join(<-served, m.Close()))
	})
}

// createWallet is what `coffer init` and `coffer create-hot` do.
func (e *exchange) createWallet(ctx context.Context) string {
	e.chainID = 1337
	config, err := coffer.LoadConfig(e.home)
	check(err)
	db, err := coffer.OpenDatabase(ctx, config, coffer.Options{})
	check(err)
	_, err = db.Migrate(ctx)
	check(errors.Join(err, db.Close()))
	system, err := coffer.Open(ctx, config, coffer.Options{})
	check(err)
	w, _, err := system.Wallets.CreateHot(ctx, wallet.HotRequest{ChainType: wallet.EVM, ChainID: e.chainID})
	check(errors.Join(err, system.Close()))
	return w.Address
}

func (e *exchange) startNode(funded common.Address) {
	node, err := gethnode.Start(gethnode.Options{Alloc: map[common.Address]*big.Int{
		funded: new(big.Int).Mul(big.NewInt(10), big.NewInt(params.Ether)),
	}})
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
	config := fmt.Sprintf("[chain.evm.%d]\nrpc = [%q]\npoll = \"20ms\"\n", e.chainID, node.URL())
	check(os.WriteFile(filepath.Join(e.home, "coffer.toml"), []byte(config), 0o600))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
