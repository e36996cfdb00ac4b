package attack

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
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
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/signertest"
	"coffer.internal/signing"
)

const (
	chainID = 1337
	ledger  = "00000000000000000000000000000001"
)

// world is one node with one signing machine, whose hot wallets are robbed one after the other.
type world struct {
	node    *gethnode.Node
	client  *ethclient.Client
	rich    *ecdsa.PrivateKey
	tokens  [2]common.Address // the first is in the policy
	machine *machine
	wallets []signing.Key // each is one attempt's
	spare   signing.Key   // one more
	cold    signing.Key
	keys    keys
}

// keys are those of whoever may authorize payments or direct the machine.
type keys struct{ service, risk, officer1, officer2, stranger ed25519.PrivateKey }

func newKeys() keys {
	at := func(n byte) ed25519.PrivateKey {
		seed := make([]byte, ed25519.SeedSize)
		seed[0] = n
		return ed25519.NewKeyFromSeed(seed)
	}
	return keys{at(1), at(2), at(3), at(4), at(5)}
}

// machine is a signing machine that answers on a socket.
type machine struct {
	home    string
	journal *journal.Journal
	signer  *signer.Machine
	client  *client.Client
	clock   *clock
	stop    func()
}

// clock is a machine's, which a test can set.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// makeHome makes the home of a machine.
func makeHome(t *testing.T) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "s")
	must(t, signertest.MakeHome(home))
	return home
}

// serve opens a home as `coffer-signer serve` does, with a policy, and answers on a socket.
func serve(t *testing.T, home string, p *policy.Policy) *machine {
	t.Helper()
	m, err := open(t, home, signertest.Options{Policy: p})
	must(t, err)
	return m
}

func open(t *testing.T, home string, o signertest.Options) (*machine, error) {
	t.Helper()
	c := &clock{}
	o.Now = c.now
	if o.Verify == nil {
		o.Verify = (*evm.Chain)(nil).Verify
	}
	s, err := signertest.Serve(home, o)
	if err != nil {
		return nil, err
	}
	stop := func() {
		if err := s.Stop(); err != nil {
			t.Errorf("the machine ends: %v", err)
		}
	}
	t.Cleanup(stop)
	return &machine{home: home, journal: s.Journal, signer: s.Machine, client: s.Client, clock: c, stop: stop}, nil
}

// newKey has a machine make a key for the ledger.
func (m *machine) newKey(t *testing.T, ref, account string) signing.Key {
	t.Helper()
	k, err := m.client.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: chainID, Ref: ref, Account: account})
	must(t, err)
	return k
}

// newWorld makes a world with so many wallets.
func newWorld(t *testing.T, wallets int) *world {
	t.Helper()
	w := &world{keys: newKeys()}
	var err error
	w.rich, err = crypto.GenerateKey()
	must(t, err)
	w.tokens[0] = crypto.CreateAddress(crypto.PubkeyToAddress(w.rich.PublicKey), 0)
	w.tokens[1] = crypto.CreateAddress(crypto.PubkeyToAddress(w.rich.PublicKey), 1)
	w.machine = serve(t, makeHome(t), w.policy(t))
	alloc := map[common.Address]*big.Int{crypto.PubkeyToAddress(w.rich.PublicKey): ether(1_000_000)}
	var made sync.WaitGroup
	w.wallets = make([]signing.Key, wallets)
	for i := range wallets {
		made.Go(func() { w.wallets[i] = w.machine.newKey(t, fmt.Sprint("hot-", i), "hot") })
	}
	made.Wait()
	w.spare = w.machine.newKey(t, "spare", "hot")
	w.cold = w.machine.newKey(t, "cold", "cold")
	for _, k := range append(w.wallets[:wallets:wallets], w.spare, w.cold) {
		alloc[common.HexToAddress(k.Address)] = ether(100)
	}
	w.node, err = gethnode.Start(gethnode.Options{ChainID: chainID, Alloc: alloc})
	must(t, err)
	t.Cleanup(w.node.Close)
	w.client, err = ethclient.DialContext(t.Context(), w.node.URL())
	must(t, err)
	t.Cleanup(w.client.Close)
	for i, name := range []string{"GOOD", "OTHER"} {
		at, err := w.node.DeployToken(t.Context(), w.rich, name)
		must(t, err)
		if at != w.tokens[i] {
			t.Fatalf("token %s is at %s, not at %s", name, at, w.tokens[i])
		}
	}
	return w
}

// fund gives a wallet so much of a token.
func (w *world) fund(t *testing.T, token common.Address, to string, amount int64) {
	t.Helper()
	w.sendRich(t, token, new(big.Int), transferCall(common.HexToAddress(to), big.NewInt(amount)))
}

// sendRich sends something from the rich account, and mines it.
func (w *world) sendRich(t *testing.T, to common.Address, value *big.Int, data []byte) {
	t.Helper()
	n, err := w.client.PendingNonceAt(t.Context(), crypto.PubkeyToAddress(w.rich.PublicKey))
	must(t, err)
	id := big.NewInt(chainID)
	tx, err := types.SignNewTx(w.rich, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: n, To: &to, Value: value, Gas: 200_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei), Data: data,
	})
	must(t, err)
	must(t, w.client.SendTransaction(t.Context(), tx))
	w.node.Commit()
}

func transferCall(to common.Address, amount *big.Int) []byte {
	data := crypto.Keccak256([]byte("transfer(address,uint256)"))[:4]
	data = append(data, common.LeftPadBytes(to[:], 32)...)
	return append(data, common.LeftPadBytes(amount.Bytes(), 32)...)
}

// balance is what an account has, of the coin and of both tokens, as one number: whatever it is, it is loot.
func (w *world) balance(t *testing.T, a common.Address) *big.Int {
	t.Helper()
	sum, err := w.client.BalanceAt(t.Context(), a, nil)
	must(t, err)
	for _, token := range w.tokens {
		sum.Add(sum, w.tokenBalance(t, token, a))
	}
	return sum
}

// tokenBalance is what an account has of a token.
func (w *world) tokenBalance(t *testing.T, token, a common.Address) *big.Int {
	t.Helper()
	call := append(crypto.Keccak256([]byte("balanceOf(address)"))[:4], common.LeftPadBytes(a[:], 32)...)
	out, err := w.client.CallContract(t.Context(), callOf(token, call), nil)
	must(t, err)
	return new(big.Int).SetBytes(out)
}

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
