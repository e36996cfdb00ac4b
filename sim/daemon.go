package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"coffer.internal/internal/chain/evm"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// daemon is one coffer run: an engine with all that belongs to its process. When it dies, all of that is gone, and it is made anew.
type daemon struct {
	user
	number int
	ahead  time.Duration // how much its clock differs from the world's
	life   int           // how often it was started
	engine *withdrawal.Engine
	ledger *nonce.Ledger
	steps  []withdrawal.Step
	passes map[string]*passing // by step
	until  time.Time           // dead until then
	closer func()
}

func newDaemon(t *town, number int) *daemon {
	d := &daemon{user: user{name: fmt.Sprintf("daemon %d", number), town: t}, number: number}
	d.start()
	return d
}

func (d *daemon) now() time.Time { return d.town.clock.Add(d.ahead) }

func (d *daemon) start() {
	t := d.town
	d.life++
	d.alive, d.passes = true, map[string]*passing{}
	db := &shakyDB{DB: t.db, user: &d.user}
	cache := wallet.NewCache(d.now)
	setup, done := t.setup(&d.user, d.now)
	d.ledger = nonce.New(nonce.Options{DB: db, TTL: time.Minute, Cache: cache, Actor: d.name, Now: d.now, Inline: true})
	d.engine = withdrawal.NewEngine(withdrawal.EngineOptions{
		DB: db, Ledger: d.ledger, Machine: &shakyMachine{Machine: t.machine, user: &d.user, book: t.book}, Journal: t.machine,
		Chains: []withdrawal.ChainSetup{setup}, Cache: cache, Now: d.now, Actor: d.name,
		Holder: fmt.Sprintf("%s, life %d", d.name, d.life), Daemons: t.running,
	})
	d.steps = d.engine.Steps()
	d.closer = done
}

// running is how many daemons there are.
func (t *town) running(context.Context, store.Reader) (n int, err error) {
	for _, d := range t.daemons {
		if d.alive {
			n++
		}
	}
	return max(n, 1), nil
}

// setup is the chain as one process uses it.
func (t *town) setup(u *user, now func() time.Time) (s withdrawal.ChainSetup, done func()) {
	o := evm.Options{
		ChainID: chainID, Confirmations: t.plan.confirmations, Finalized: t.plan.finalized, Now: now,
		Transport: shakyWire{u}, OneByOne: true,
	}
	if t.plan.strikes[feeCap] > 0 {
		o.Fees.MaxPerGas = gwei(12)
	}
	for _, n := range t.world.Nodes {
		o.RPC = append(o.RPC, n.URL())
	}
	c, err := evm.New(o)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return withdrawal.ChainSetup{
		Type: string(wallet.EVM), ID: chainID, Chain: c, MaxUnmined: maxUnmined, Poll: poll, BumpAfter: t.plan.bumpAfter, HeadMaxAge: t.plan.headMaxAge,
		Native: withdrawal.Asset{Symbol: "ETH", Decimals: 18},
		Assets: map[string]withdrawal.Asset{tokenSymbol: {Symbol: tokenSymbol, Contract: tokenAddress.Hex(), Decimals: 0}},
	}, c.Close
}

const (
	maxUnmined = 4
	poll       = 4 * time.Second
)

// kill ends it as SIGKILL does: nothing is given back, nothing is finished.
func (d *daemon) kill() {
	if !d.alive {
		return
	}
	d.alive = false
	for _, name := range slices.Sorted(maps.Keys(d.passes)) {
		d.passes[name].drop()
	}
	d.ledger.Close()
	d.closer()
}

// perform makes one pass of a step; again while there is more at once. One that was left goes on.
func (d *daemon) perform(s withdrawal.Step) {
	for range 4 {
		if again := d.once(s); !again {
			return
		}
	}
}

func (d *daemon) once(s withdrawal.Step) (again bool) {
	t := d.town
	before := t.acting
	t.acting, d.step = d, s.Name
	defer func() {
		t.acting, d.step = before, ""
		switch r := recover().(type) {
		case nil:
		case crash:
			d.say("crashes at %s", r.point)
			d.kill()
			d.until = t.clock.Add(time.Duration(1+t.rng.IntN(60)) * time.Second)
		default:
			panic(r)
		}
	}()
	p := d.passes[s.Name]
	if p == nil {
		p = newPassing(d, s)
		d.passes[s.Name] = p
	}
	if p.goOn() {
		return false
	}
	if p.err != nil {
		d.say("%s: %v", s.Name, p.err)
	}
	return p.again && p.err == nil
}
