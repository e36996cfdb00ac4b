package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/sim/world"
	"coffer.internal/wallet"
)

// town is one run: a simulated chain, a real database, a real signing machine, and daemons whose passes the run makes, one after
// the other. One goroutine does everything, and owns the clock.
type town struct {
	seed  uint64
	plan  plan
	rng   *rand.Rand
	ctx   context.Context
	trace *trace
	clock time.Time
	ahead time.Duration // how much the database server's clock differs from the world's, where there is one

	dir     string
	db      *sqlite.DB
	machine *signer.Machine
	journal *journal.Journal // the machine's
	book    *signings
	world   *world.World
	token   *world.Token
	wallets []wallet.Wallet
	keys    []*ecdsa.PrivateKey
	daemons []*daemon
	acting  *daemon // whose clock the database goes by; nil: the world's
	office  *office // where customers hand in

	agenda    []event // what is still to happen, by time
	first     []*world.Tx
	down      map[string]bool
	deaf      bool // nodes do not hear of each other's transactions
	stopped   bool // no blocks are made
	crowd     int  // blocks that strangers fill
	richNonce uint64
	calm      bool // no fault strikes any more
	asleep    bool // a daemon is frozen in the middle of a pass
	lastFault time.Time

	hits     map[kind]int
	crashes  map[string]int // by point
	passed   map[string]int // the first point of each name, whether somebody crashed there or not
	points   int            // durable steps so far
	reviews  map[string]bool
	released map[string]int
	causes   causes
	wrong    []string // what must not be

	refusedInScene bool
}

var tokenAddress = common.HexToAddress("0x00000000000000000000000000000000000070CE")

const (
	tokenSymbol = "TOK"
	plenty      = 1_000_000_000 // of the token, for each wallet
)

func newTown(tpl *template, seed uint64, p *plan, live io.Writer) (t *town, err error) {
	t = &town{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 0x636f66666572)), ctx: context.Background(), trace: newTrace(live), clock: epoch,
		down: map[string]bool{}, hits: map[kind]int{}, crashes: map[string]int{}, passed: map[string]int{}, reviews: map[string]bool{}, released: map[string]int{}, book: newSignings(),
	}
	if p != nil {
		t.plan = *p
	} else {
		t.plan = draw(t.rng)
	}
	t.wallets, t.keys = tpl.wallets[:t.plan.wallets], tpl.keys[:t.plan.wallets]
	if t.dir, err = tpl.copy(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.machine, t.journal, err = openMachine(t.dir, t.plan.hourly(), func() time.Time { return t.clock }); err != nil {
		return t, err
	}
	if t.db, err = sqlite.Open(t.ctx, filepath.Join(t.dir, databaseFile), sqlite.Options{Now: t.storeClock, Throwaway: true}); err != nil {
		return t, err
	}
	for _, w := range tpl.wallets[t.plan.wallets:] {
		if _, _, err := wallet.NewRegistry(t.db, nil, "sim").SetActive(t.ctx, w.Address, w.ChainID, false); err != nil {
			return t, err
		}
	}
	t.found()
	for i := range t.plan.daemons {
		t.daemons = append(t.daemons, newDaemon(t, i))
	}
	t.office = newOffice(t)
	t.arrange()
	return t, nil
}

// storeClock is what the database's clock shows. Several daemons go by one, a server's, as on PostgreSQL; a single one goes by its
// own, as on SQLite.
func (t *town) storeClock() time.Time {
	switch {
	case t.plan.daemons > 1:
		return t.clock.Add(t.ahead)
	case t.acting != nil:
		return t.acting.now()
	}
	return t.clock
}

// found makes the chain.
func (t *town) found() {
	t.token = &world.Token{
		Contract: tokenAddress, Holders: map[common.Address]*big.Int{}, Barred: map[common.Address]bool{}, Silent: map[common.Address]bool{},
	}
	alloc := map[common.Address]*big.Int{t.rich(): ether(1_000_000)}
	for i, w := range t.wallets {
		a := common.HexToAddress(w.Address)
		alloc[a] = ether(10)
		t.token.Holders[a] = big.NewInt(plenty)
		if i == 0 && t.plan.strikes[outOfGas] > 0 {
			alloc[a] = big.NewInt(int64(t.plan.strikes[outOfGas]) * params.Ether / 4000)
		}
	}
	var limits world.Limits
	if t.plan.strikes[poolSmall] > 0 {
		limits = world.Limits{AccountSlots: 1, AccountQueue: 1, GlobalSlots: 2, GlobalQueue: 2}
		t.hit(poolSmall)
	}
	t.world = world.New(world.Options{
		ChainID: chainID, Alloc: alloc, Tokens: []*world.Token{t.token}, Now: func() time.Time { return t.clock }, Limits: limits, Nodes: t.plan.nodes,
	})
	for range 3 { // so that there is something finalized
		t.mine()
	}
}

// richKey is the key of whoever tops wallets up.
var richKey, _ = crypto.ToECDSA(crypto.Keccak256([]byte("rich")))

func (t *town) rich() common.Address { return crypto.PubkeyToAddress(richKey.PublicKey) }

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// hit counts a fault.
func (t *town) hit(k kind) {
	t.hits[k]++
	t.lastFault = t.clock
}

// pass lets time go by.
func (t *town) pass(d time.Duration) { t.clock = t.clock.Add(d) }

// wrote notes which payments came to stand in needs_review.
func (t *town) wrote(reviews []string) {
	for _, p := range reviews {
		t.reviews[p] = true
	}
}

func (t *town) say(format string, args ...any) { t.trace.add(t.clock, format, args...) }

func (t *town) close() error {
	var errs []error
	for _, d := range t.daemons {
		d.kill()
	}
	if t.machine != nil {
		errs = append(errs, t.machine.Close())
	}
	if t.db != nil {
		errs = append(errs, t.db.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(t.dir))...)
}
