package withdrawal_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/chain/evm/gethnode"
	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/chain/evm/testtoken"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

const (
	confirmations = 2
	maxUnmined    = 16
)

// world is a real ledger, a real signing machine and a real node behind a connection that can be made bad. Nothing moves by
// itself: a test makes the engine's passes and the blocks.
type world struct {
	*testing.T
	db         *flakyDB
	ledger     *nonce.Ledger
	machine    *bentMachine
	journal    *journal.Journal      // of the machine
	released   signing.Releases      // the machine's
	journaling withdrawal.Journaling // the machine itself, which loses no answer
	seed       []byte                // of its keys
	holder     string                // of the leases
	wallets    []wallet.Wallet
	node       *gethnode.Node
	proxy      *rpcproxy.Proxy
	client     *ethclient.Client
	rich       *ecdsa.PrivateKey
	setup      withdrawal.ChainSetup
	desk       *withdrawal.Desk
	engine     *withdrawal.Engine
	service    withdrawal.Service
	next       int // recipients made so far
}

// databases open an empty ledger.
var databases = map[string]func(*testing.T) (store.DB, error){
	"sqlite": func(t *testing.T) (store.DB, error) {
		return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: time.Now})
	},
	"postgres": func(t *testing.T) (store.DB, error) {
		return postgres.Open(context.Background(), pgtables.DSN(t), postgres.Options{PoolSize: 4})
	},
}

// onBoth runs a test in a world with so many hot wallets, on SQLite and on PostgreSQL. With -short, as under the race detector, a test
// runs on one of the two, which its name draws.
func onBoth(t *testing.T, wallets int, test func(*world)) {
	t.Helper()
	if testing.Short() {
		name := [...]string{"sqlite", "postgres"}[crc32.ChecksumIEEE([]byte(t.Name()))%2]
		on(t, name, wallets, test)
		return
	}
	onBothAlways(t, wallets, test)
}

// onBothAlways is onBoth for a test in which goroutines meet.
func onBothAlways(t *testing.T, wallets int, test func(*world)) {
	t.Helper()
	for name := range databases {
		on(t, name, wallets, test)
	}
}

func on(t *testing.T, database string, wallets int, test func(*world)) {
	t.Run(database, func(t *testing.T) {
		db, err := databases[database](t)
		if err != nil {
			t.Fatal(err)
		}
		test(newWorld(t, db, wallets))
	})
}

func newWorld(t *testing.T, db store.DB, wallets int) *world {
	t.Helper()
	w := &world{T: t, db: &flakyDB{DB: db, goneAfter: -1}, holder: "tester"}
	t.Cleanup(func() { w.must(w.db.Close()) })
	_, err := db.Migrate(t.Context())
	w.must(err)
	machine, j, seed := startMachine(t)
	w.machine, w.journal, w.seed, w.released, w.journaling = &bentMachine{Machine: machine}, j, seed, machine, machine
	registry := wallet.NewRegistry(db, w.machine, "tester")
	w.rich, err = crypto.GenerateKey()
	w.must(err)
	alloc := map[common.Address]*big.Int{crypto.PubkeyToAddress(w.rich.PublicKey): ether(1000)}
	for range wallets {
		hot, _, err := registry.CreateHot(t.Context(), wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1337})
		w.must(err)
		w.wallets = append(w.wallets, hot)
		alloc[common.HexToAddress(hot.Address)] = ether(10)
	}
	w.node, err = gethnode.Start(gethnode.Options{Alloc: alloc})
	w.must(err)
	t.Cleanup(w.node.Close)
	w.proxy, err = rpcproxy.Start(w.node.URL())
	w.must(err)
	t.Cleanup(w.proxy.Close)
	w.client, err = ethclient.DialContext(t.Context(), w.node.URL())
	w.must(err)
	t.Cleanup(w.client.Close)
	chain, err := evm.New(evm.Options{ChainID: 1337, RPC: []string{w.proxy.URL()}, Confirmations: confirmations})
	w.must(err)
	t.Cleanup(chain.Close)
	w.setup = withdrawal.ChainSetup{
		Type: "evm", ID: 1337, Chain: chain, MaxUnmined: maxUnmined, Poll: 10 * time.Millisecond,
		Native: withdrawal.Asset{Symbol: "ETH", Decimals: 18}, Assets: map[string]withdrawal.Asset{},
	}
	w.open()
	return w
}

func startMachine(t *testing.T) (m *signer.Machine, j *journal.Journal, seed []byte) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "signer")
	must(t, journal.Create(home))
	_, err := vault.Create(home, nil, []byte("x"), vault.Options{WorkFactor: 2})
	must(t, err)
	v, err := vault.Open(home, []byte("x"), vault.Options{})
	must(t, err)
	j, err = journal.Open(home, v.Device(), journal.Options{Policy: policytest.AllowAll()})
	must(t, err)
	m = signer.New(v, j, "test")
	t.Cleanup(func() { must(t, m.Close()) })
	return m, j, bytes.Clone(v.Seed())
}

// open makes desk, ledger and engine, as a process that starts does. Of those before, nothing is used any more.
func (w *world) open() {
	w.ledger = nonce.New(nonce.Options{DB: w.db, TTL: time.Hour, Actor: "tester"})
	w.Cleanup(w.ledger.Close)
	chains := []withdrawal.ChainSetup{w.setup}
	w.engine = withdrawal.NewEngine(withdrawal.EngineOptions{DB: w.db, Ledger: w.ledger, Machine: w.machine, Journal: w.journaling, Chains: chains, Actor: "tester", Service: w.service, Holder: w.holder})
	w.desk = withdrawal.NewDesk(withdrawal.DeskOptions{DB: w.db, Chains: chains, Actor: "tester", Signer: w.released, Service: w.service, Wake: w.engine.Wake})
	w.Cleanup(w.desk.Close)
}

// token deploys a token of a kind, gives every wallet 1000 of it, and configures it by its symbol.
func (w *world) token(symbol string, kind testtoken.Kind) {
	w.Helper()
	creation, err := testtoken.Creation(symbol, kind)
	w.must(err)
	contract, err := w.node.Deploy(w.Context(), w.rich, creation)
	w.must(err)
	for _, hot := range w.wallets {
		w.fund(contract, transferCall(common.HexToAddress(hot.Address), 1000))
	}
	w.setup.Assets[symbol] = withdrawal.Asset{Symbol: symbol, Contract: contract.Hex(), Decimals: 0}
	w.open()
}

// fund sends a transaction of the rich account, and mines it.
func (w *world) fund(to common.Address, data []byte) {
	w.Helper()
	n, err := w.client.NonceAt(w.Context(), crypto.PubkeyToAddress(w.rich.PublicKey), nil)
	w.must(err)
	id := big.NewInt(w.setup.ID)
	tx, err := types.SignNewTx(w.rich, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: n, To: &to, Gas: 200_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei), Data: data,
	})
	w.must(err)
	w.must(w.client.SendTransaction(w.Context(), tx))
	w.node.Commit()
}

func transferCall(to common.Address, amount int64) []byte {
	data := crypto.Keccak256([]byte("transfer(address,uint256)"))[:4]
	data = append(data, common.LeftPadBytes(to[:], 32)...)
	return append(data, common.LeftPadBytes(big.NewInt(amount).Bytes(), 32)...)
}

// recipient is a new customer's address.
func (w *world) recipient() string {
	w.next++
	return common.BytesToAddress(crypto.Keccak256(fmt.Appendf(nil, "customer %d", w.next))[12:]).Hex()
}

// request is a withdrawal of 1000 wei to a new customer.
func (w *world) request(id string) withdrawal.Request {
	return withdrawal.Request{ID: id, ChainID: w.setup.ID, To: w.recipient(), Amount: "1000", BaseUnits: true}
}

// submit hands in withdrawals of 1000 wei, each to its own customer.
func (w *world) submit(ids ...string) []withdrawal.Request {
	w.Helper()
	all := make([]withdrawal.Request, len(ids))
	for i, id := range ids {
		all[i] = w.request(id)
		_, _, err := w.desk.Submit(w.Context(), all[i])
		w.must(err)
	}
	return all
}

// pass makes the engine's passes; all steps if none is named.
func (w *world) pass(steps ...string) {
	w.Helper()
	w.must(withdrawal.Pass(w.Context(), w.engine, steps...))
}

// settle makes passes and blocks until what was sent is final.
func (w *world) settle() {
	w.Helper()
	for range 4 {
		withdrawal.SendAgain(w.engine)
		w.pass()
		w.node.Commit()
	}
	w.pass()
}

// story is a payment with its attempts.
func (w *world) story(id string) withdrawal.Story {
	w.Helper()
	s, err := w.desk.Story(w.Context(), id)
	w.must(err)
	return s
}

// attempt is the only attempt of a payment.
func (w *world) attempt(id string) store.Attempt {
	w.Helper()
	as := w.story(id).Attempts
	if len(as) != 1 {
		w.Fatalf("%s has %d attempts: %+v", id, len(as), as)
	}
	return as[0]
}

// want checks state and outcome of a payment.
func (w *world) want(id, state, outcome string) withdrawal.Withdrawal {
	w.Helper()
	got := w.story(id).Withdrawal
	if got.State != state || got.Outcome != outcome {
		w.Fatalf("%s is %s %s (%s), want %s %s", id, got.State, got.Outcome, got.Reason, state, outcome)
	}
	return got
}

// wantPaidOnce checks that a payment ended paid, and on the chain that its customer has exactly its amount.
func (w *world) wantPaidOnce(rs ...withdrawal.Request) {
	w.Helper()
	for _, r := range rs {
		w.want(r.ID, store.WithdrawalEnded, store.OutcomePaid)
		if got := w.balance(r.To); got.String() != r.Amount {
			w.Errorf("the customer of %s has %s, asked was %s", r.ID, got, r.Amount)
		}
	}
}

func (w *world) balance(address string) *big.Int {
	w.Helper()
	got, err := w.client.BalanceAt(w.Context(), common.HexToAddress(address), nil)
	w.must(err)
	return got
}

// wantSpent checks that the chain has spent exactly the nonces below n of a wallet, and the ledger handed out no other.
func (w *world) wantSpent(hot wallet.Wallet, n uint64) {
	w.Helper()
	got, err := w.client.NonceAt(w.Context(), common.HexToAddress(hot.Address), nil)
	w.must(err)
	info, err := w.ledger.Info(w.Context(), hot.Address, hot.ChainID)
	w.must(err)
	if got != n || info.Wallet.Nonce != n {
		w.Errorf("the chain counts %d and the cursor is %d, want %d", got, info.Wallet.Nonce, n)
	}
}

func (w *world) must(err error) {
	w.Helper()
	must(w.T, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) richAddress() common.Address { return crypto.PubkeyToAddress(w.rich.PublicKey) }

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// bentMachine is a signing machine whose answers can be lost or replaced.
type bentMachine struct {
	signing.Machine
	dies   int                                   // so many times, it journals and does not answer
	refuse func(signing.Intent) *signing.Refusal // in the machine's place
	asked  func(intents []signing.Intent)        // is told what came
	batch  func(signing.Batch)                   // the same
	judge  func(signing.Request) *signing.Refusal
	status func(signing.Status) (signing.Status, error)
}

func (m *bentMachine) Status(ctx context.Context) (signing.Status, error) {
	st, err := m.Machine.Status(ctx)
	if err == nil && m.status != nil {
		return m.status(st)
	}
	return st, err
}

var errDied = fmt.Errorf("%w: it died", signing.ErrNoAnswer)

func (m *bentMachine) Sign(ctx context.Context, b signing.Batch) ([]signing.Answer, error) {
	if m.asked != nil {
		m.asked(intentsOf(b))
	}
	if m.batch != nil {
		m.batch(b)
	}
	if m.refuse != nil || m.judge != nil {
		answers := make([]signing.Answer, len(b.Requests))
		for i, r := range b.Requests {
			if no := m.refuses(r); no != nil {
				answers[i] = signing.Answer{Digest: r.Intent.Digest(), Refusal: no}
				continue
			}
			one, err := m.Machine.Sign(ctx, signing.Batch{Held: b.Held, Requests: b.Requests[i : i+1]})
			if err != nil {
				return nil, err
			}
			answers[i] = one[0]
		}
		return answers, nil
	}
	answers, err := m.Machine.Sign(ctx, b)
	if err == nil && m.dies > 0 {
		m.dies--
		return nil, errDied
	}
	return answers, err
}

func (m *bentMachine) refuses(r signing.Request) *signing.Refusal {
	if m.judge != nil {
		return m.judge(r)
	}
	return m.refuse(r.Intent)
}

func intentsOf(b signing.Batch) []signing.Intent {
	all := make([]signing.Intent, len(b.Requests))
	for i, r := range b.Requests {
		all[i] = r.Intent
	}
	return all
}

// flakyDB is a database that is gone for the next writes.
type flakyDB struct {
	store.DB
	gone int

	goneAfter int // after so many writes; negative: never
}

var errGone = fmt.Errorf("%w: the disk is full", store.ErrUnreachable)

func (d *flakyDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	switch {
	case d.gone > 0:
		d.gone--
		return errors.Join(errGone)
	case d.goneAfter == 0:
		return errors.Join(errGone)
	case d.goneAfter > 0: // else several may write at once
		d.goneAfter--
	}
	return d.DB.Update(ctx, fn)
}

// binding asks for a nonce for a payment, as the engine does.
func (w *world) binding(id string) nonce.BindCall {
	c := nonce.BindCall{
		ChainType: "evm", ChainID: w.setup.ID, MaxUnmined: maxUnmined, Purses: map[int64]nonce.Purse{},
		Payments: []nonce.Binding{{Payment: id, Request: id, Amount: big.NewInt(1000), MaxFee: new(big.Int)}},
	}
	for _, hot := range w.wallets {
		c.Purses[hot.ID] = nonce.Purse{Native: ether(10)}
	}
	return c
}

// run runs the engine and a miner until stop is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	var all sync.WaitGroup
	all.Go(func() { w.node.Mine(ctx, 20*time.Millisecond) })
	all.Go(func() {
		if err := w.engine.Run(ctx); !errors.Is(err, context.Canceled) {
			w.Errorf("run: %v", err)
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}
