package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coffer.internal/internal/chain/evm/rpcproxy"
)

// fault is a kind of harm. Its strike does it once and mends the part, and gives how many payments stood in the state that it
// threatens just before.
type fault struct {
	name   string
	of     string // the failures of other systems that it brings about
	threat string
	strike func(context.Context, *world, *rand.Rand) (threatened int, err error)
	// beside: it takes so long that others strike meanwhile.
	beside bool
}

var faults = []fault{
	{name: "daemon-killed", of: "F22", threat: "in flight on the wallets of a daemon", strike: killDaemon},
	{name: "daemon-frozen", of: "F21 F25", threat: "in flight on the wallets of a daemon, for longer than its lease", strike: freezeDaemon, beside: true},
	{name: "signer-killed", of: "F34", threat: "asked and not answered", strike: killSigner},
	{name: "signer-cut", of: "F34", threat: "asked, and the answer is lost", strike: cutSigner},
	{name: "signer-disk-full", of: "F33 F34", threat: "asked, and the answer cannot be journaled", strike: fillSignerDisk},
	{name: "node-killed", of: "F15", threat: "in a node's pool and in no block", strike: killNode},
	{name: "pool-emptied", of: "F15 F16", threat: "in a node's pool and in no block", strike: emptyPool},
	{name: "reorg", of: "F29", threat: "in a block and not final", strike: reorg},
	{name: "answers-dropped", of: "F05", threat: "signed and on their way to a node", strike: dropAnswers},
	{name: "nodes-cut", of: "F05", threat: "signed or sent, and no node is reached", strike: cutNodes},
	{name: "database-cut", of: "F33", threat: "with a nonce and not ended", strike: cutDatabase},
	{name: "primary-killed", of: "F33", threat: "with a nonce and not ended", strike: killPrimary},
}

// leaseTime is how long a daemon's leases last without being renewed.
const leaseTime = 15 * time.Second

// A strike waits until enough payments stand in the state that it threatens; after patience one is enough, and after despair none.
const (
	enough   = 12
	patience = 3 * time.Second
	despair  = 20 * time.Second
)

// gather waits for payments and counts them.
func (w *world) gather(ctx context.Context, what where) (n int, err error) {
	return w.gatherFor(ctx, patience, despair, func(ctx context.Context) (int, error) { return w.ledger.count(ctx, what) })
}

func (w *world) gatherFor(ctx context.Context, patience, despair time.Duration, count func(context.Context) (int, error)) (n int, err error) {
	for began := time.Now(); ; {
		n, err = count(ctx)
		waited := time.Since(began)
		if err != nil || n >= enough || n > 0 && waited > patience || waited > despair {
			return n, err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return n, err
		}
	}
}

var inFlight = []string{"asked", "signed", "sent", "mined"}

// withNonce is all states from a nonce to the end.
var withNonce = []string{"reserved", "asked", "signed", "sent", "mined"}

func killDaemon(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	i, letGo := w.take(draw)
	defer letGo()
	n, err := w.threatenedBy(ctx, i)
	if err != nil {
		return 0, err
	}
	w.daemons[i].run.kill()
	if err := pause(ctx, time.Duration(draw.Int64N(int64(3*time.Second)))); err != nil {
		return n, err
	}
	return n, w.startDaemon(i)
}

func freezeDaemon(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	i, letGo := w.take(draw)
	defer letGo()
	n, err := w.threatenedBy(ctx, i)
	if err != nil {
		return 0, err
	}
	d := w.daemons[i].run
	if err := d.signal(syscall.SIGSTOP); err != nil {
		return n, err
	}
	slept := pause(ctx, leaseTime+2*time.Second)
	if slept == nil && len(w.daemons) > 1 {
		slept = w.tookOver(ctx, i)
	}
	return n, errors.Join(slept, d.signal(syscall.SIGCONT))
}

// killSigner stops the machine, so that it has questions to answer when it is killed.
func killSigner(ctx context.Context, w *world, _ *rand.Rand) (int, error) {
	n, err := w.questions(ctx, func(held bool) error {
		if held {
			return w.signer.signal(syscall.SIGSTOP)
		}
		return w.signer.signal(syscall.SIGCONT)
	})
	w.signer.kill()
	return n, errors.Join(err, w.startSigner(ctx))
}

// cutSigner lets the machine sign and no daemon hear of it. The connections are cut with the answers on them, and for some time nobody
// reaches the machine.
func cutSigner(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	each := func(do func(*link)) {
		for _, l := range w.signer.links {
			do(l)
		}
	}
	n, err := w.questions(ctx, func(held bool) error {
		each(func(l *link) { l.silence(held) })
		return nil
	})
	each((*link).cut)
	if err == nil {
		err = pause(ctx, time.Duration(draw.Int64N(int64(3*time.Second))))
	}
	each((*link).mend)
	return n, err
}

// questions holds the machine back until something is asked of it, and counts that. Who hears nothing of it asks nothing new: where
// nothing was on its way, all goes on for a moment. It stays held.
func (w *world) questions(ctx context.Context, hold func(bool) error) (n int, err error) {
	for began := time.Now(); ; {
		if err := hold(true); err != nil {
			return 0, err
		}
		n, err = w.gatherFor(ctx, time.Second, time.Second, func(ctx context.Context) (int, error) {
			return w.ledger.count(ctx, where{states: []string{"asked"}})
		})
		if n > 0 || err != nil || time.Since(began) > despair {
			return n, err
		}
		if err := errors.Join(hold(false), pause(ctx, 500*time.Millisecond)); err != nil {
			return 0, err
		}
	}
}

// fillSignerDisk lets the machine write no further byte to any file, as a full disk or a quota does.
func fillSignerDisk(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	var before unix.Rlimit
	if err := unix.Prlimit(w.signer.pid(), unix.RLIMIT_FSIZE, nil, &before); err != nil {
		return 0, fmt.Errorf("read the signer's limits: %w", err)
	}
	full := unix.Rlimit{Cur: 0, Max: before.Max}
	if err := unix.Prlimit(w.signer.pid(), unix.RLIMIT_FSIZE, &full, nil); err != nil {
		return 0, fmt.Errorf("set the signer's limits: %w", err)
	}
	n, err := w.gather(ctx, where{states: []string{"asked"}})
	if err == nil {
		err = pause(ctx, time.Second+time.Duration(draw.Int64N(int64(2*time.Second))))
	}
	return n, errors.Join(err, unix.Prlimit(w.signer.pid(), unix.RLIMIT_FSIZE, &before, nil))
}

// withheld does something while a chain makes no blocks and its pool has filled.
func withheld(ctx context.Context, w *world, c *chain, do func() error) (int, error) {
	if err := c.blocks(false); err != nil {
		return 0, err
	}
	n, err := w.gather(ctx, where{states: []string{"sent"}, chain: c.id})
	if err != nil {
		return n, err
	}
	return n, do()
}

func killNode(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	return withheld(ctx, w, w.geth, func() error {
		w.geth.run.kill()
		if err := pause(ctx, time.Duration(draw.Int64N(int64(2*time.Second)))); err != nil {
			return err
		}
		return w.geth.startNode(w.crew)
	})
}

// emptyPool restarts geth as an operator does, or has anvil drop what it holds.
func emptyPool(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	if draw.IntN(2) == 0 {
		return withheld(ctx, w, w.anvil, func() error {
			return errors.Join(w.anvil.call(ctx, "anvil_dropAllTransactions"), w.anvil.blocks(true))
		})
	}
	return withheld(ctx, w, w.geth, func() error {
		if err := w.geth.run.stop(ctx); err != nil {
			return err
		}
		return w.geth.startNode(w.crew)
	})
}

// reorg leaves up to as many blocks behind as are not final, with their transactions.
func reorg(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	n, err := w.gather(ctx, where{states: []string{"mined"}, chain: w.anvil.id})
	if err != nil {
		return 0, err
	}
	depth := 1 + draw.IntN(w.anvil.confirmations-1)
	return n, w.anvil.call(ctx, "anvil_reorg", depth, []any{})
}

// dropAnswers lets the nodes take transactions and the daemons not hear of it. They are held back until there are some.
func dropAnswers(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	const send = "eth_sendRawTransaction"
	var letGo []func()
	w.each(func(p *rpcproxy.Proxy) { letGo = append(letGo, p.Hold(send)) })
	n, err := w.gather(ctx, where{states: []string{"signed"}})
	times := 1 + draw.IntN(5)
	w.each(func(p *rpcproxy.Proxy) { p.DropAnswers(send, times) })
	for _, f := range letGo {
		f()
	}
	return n, err
}

func cutNodes(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	w.each(func(p *rpcproxy.Proxy) { p.Refuse(true) })
	n, err := w.gather(ctx, where{states: []string{"signed", "sent"}})
	if err == nil {
		err = pause(ctx, time.Second+time.Duration(draw.Int64N(int64(3*time.Second))))
	}
	w.each(func(p *rpcproxy.Proxy) { p.Refuse(false) })
	return n, err
}

func cutDatabase(ctx context.Context, w *world, draw *rand.Rand) (int, error) {
	n, err := w.gather(ctx, where{states: withNonce})
	for range 1 + draw.IntN(4) {
		if err == nil {
			err = w.postgres.cut(ctx)
		}
		if err == nil {
			err = pause(ctx, 200*time.Millisecond)
		}
	}
	return n, err
}

func killPrimary(ctx context.Context, w *world, _ *rand.Rand) (int, error) {
	n, err := w.gather(ctx, where{states: withNonce})
	if err != nil {
		return 0, err
	}
	return n, w.postgres.failOver(ctx)
}
