package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/internal/store/postgres/pgtest"
)

var zero common.Address

// world is all the parts.
type world struct {
	dir      string
	programs programs
	crew     *crew
	postgres database
	geth     *chain
	anvil    *chain
	signer   machine
	daemons  []*daemon
	ledger   ledger

	mu    sync.Mutex // of what is struck already
	taken map[int]bool
}

// daemon is one `coffer run` with a home, and so with connections to the nodes, of its own.
type daemon struct {
	home string
	run  *child
}

func (w *world) chains() []*chain { return []*chain{w.geth, w.anvil} }

func (w *world) each(do func(*rpcproxy.Proxy)) {
	for _, c := range w.chains() {
		c.each(do)
	}
}

// setUp starts everything but the daemons, and says what is to be paid.
func (w *world) setUp(ctx context.Context, s settings) (all []payment, err error) {
	if w.programs, err = build(ctx, w.dir); err != nil {
		return nil, err
	}
	if w.postgres.Pair, err = pgtest.StartPair(ctx); err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := w.startChains(ctx); err != nil {
		return nil, err
	}
	all = payments(s.payments, w.chains())
	if err := w.makeSigner(ctx, all); err != nil {
		return nil, err
	}
	if err := w.makeHomes(ctx, s.daemons); err != nil {
		return nil, err
	}
	if err := w.startSigner(ctx); err != nil {
		return nil, err
	}
	if err := w.makeWallets(ctx, s.wallets); err != nil {
		return nil, err
	}
	w.ledger, err = openLedger(ctx, w.postgres.url("chaos"))
	return all, err
}

// startChains starts both nodes, each with a token.
func (w *world) startChains(ctx context.Context) error {
	rich, err := crypto.GenerateKey()
	if err != nil {
		return err
	}
	if w.geth, err = startGeth(ctx, w.crew, w.programs.node, w.dir, rich); err != nil {
		return fmt.Errorf("geth: %w", err)
	}
	if w.anvil, err = startAnvil(ctx, w.crew, w.dir, rich); err != nil {
		return fmt.Errorf("anvil: %w", err)
	}
	for _, c := range w.chains() {
		if err := c.deploy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// callersHome is where those who hand withdrawals in have their settings.
func (w *world) callersHome() string { return filepath.Join(w.dir, "callers") }

// makeHomes writes each daemon's settings, and those of the callers, and makes the schema.
func (w *world) makeHomes(ctx context.Context, daemons int) error {
	for i := range daemons {
		d := &daemon{home: filepath.Join(w.dir, daemonName(i))}
		l, err := w.admit(ctx, daemonName(i), d.home)
		if err != nil {
			return err
		}
		if err := w.writeConfig(d.home, fmt.Sprintf("signer = %q\n", "https://"+l.address()), (*chain).connect); err != nil {
			return err
		}
		w.daemons = append(w.daemons, d)
	}
	if err := os.Mkdir(w.callersHome(), 0o700); err != nil {
		return err
	}
	// The callers authorize what they hand in; the daemons have no key.
	of := fmt.Sprintf("signer = %q\nservice_key = %q\n", "unix:"+w.socket(), w.serviceKey())
	if err := w.writeConfig(w.callersHome(), of, func(c *chain) (string, error) { return c.url, nil }); err != nil {
		return err
	}
	_, err := output(w.command(ctx, w.callersHome(), w.programs.coffer, "init"))
	return err
}

func daemonName(i int) string { return fmt.Sprintf("daemon-%d", i) }

// writeConfig writes a coffer.toml: only what differs from the defaults. url is where its home reaches a chain.
func (w *world) writeConfig(home, own string, url func(*chain) (string, error)) error {
	var b strings.Builder
	fmt.Fprintf(&b, "database = %q\n%s", w.postgres.URL(), own)
	for _, c := range w.chains() {
		at, err := url(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "[chain.evm.%d]\nrpc = [%q]\nconfirmations = %d\nmax_unmined = 64\npoll = \"250ms\"\n[chain.evm.%d.asset.%s]\ncontract = %q\ndecimals = 0\n",
			c.id, at, c.confirmations, c.id, tokenSymbol, c.token.Hex())
	}
	return os.WriteFile(filepath.Join(home, "coffer.toml"), []byte(b.String()), 0o600)
}

// command is one of coffer's programs with a home. Nothing of the user's own coffer, should there be one, is touched.
func (w *world) command(ctx context.Context, home, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"COFFER_HOME=" + home, "COFFER_SIGNER_HOME=" + filepath.Join(w.dir, "signer")}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "COFFER_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	return cmd
}

func (w *world) makeWallets(ctx context.Context, n int) error {
	for _, c := range w.chains() {
		var addresses []common.Address
		for i := range n {
			out, err := output(w.command(ctx, w.callersHome(), w.programs.coffer, "create-hot", fmt.Sprint(c.id), "evm", "--ref", fmt.Sprintf("%s-%d", c.name, i), "--json"))
			if err != nil {
				return err
			}
			var made struct {
				Address string `json:"address"`
			}
			if err := json.Unmarshal(out, &made); err != nil {
				return err
			}
			addresses = append(addresses, common.HexToAddress(made.Address))
		}
		if err := c.fund(ctx, addresses); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) startDaemon(i int) (err error) {
	d := w.daemons[i]
	d.run, err = w.crew.start(daemonName(i), w.command(context.Background(), d.home, w.programs.coffer, "run"))
	return err
}

// take draws a daemon that nobody strikes already, and keeps others from it until it is let go.
func (w *world) take(draw *rand.Rand) (i int, letGo func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken == nil {
		w.taken = map[int]bool{}
	}
	for i = draw.IntN(len(w.daemons)); w.taken[i]; i = (i + 1) % len(w.daemons) {
		if len(w.taken) == len(w.daemons) {
			panic("more strikes on daemons at once than there are daemons")
		}
	}
	w.taken[i] = true
	return i, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.taken, i)
	}
}

// threatenedBy waits until payments are in flight on the wallets that a daemon drives, and counts them.
func (w *world) threatenedBy(ctx context.Context, i int) (int, error) {
	return w.gatherFor(ctx, patience, despair, func(ctx context.Context) (int, error) {
		wallets, err := w.ledger.drivenBy(ctx, w.daemons[i].run.pid())
		if err != nil || len(wallets) == 0 {
			return 0, err
		}
		return w.ledger.count(ctx, where{states: inFlight, wallets: wallets})
	})
}

// shared waits until each daemon drives wallets.
func (w *world) shared(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, d := range w.daemons {
		if err := until(ctx, d.run.name+" to drive wallets", 50*time.Millisecond, func(ctx context.Context) (bool, error) {
			wallets, err := w.ledger.drivenBy(ctx, d.run.pid())
			return len(wallets) > 0, err
		}); err != nil {
			return err
		}
	}
	return nil
}

// takeOver is how long after the end of their leases some wallets of a daemon may be without one. Daemons take no more than their
// share at first, and another one that was killed meanwhile counts for some time; what nobody drives is adopted after another lease.
const takeOver = 25 * time.Second

// tookOver waits until others drive all wallets of a daemon.
func (w *world) tookOver(ctx context.Context, i int) error {
	within, cancel := context.WithTimeout(ctx, takeOver)
	defer cancel()
	err := until(within, "other daemons to drive the wallets of "+w.daemons[i].run.name, 100*time.Millisecond, func(ctx context.Context) (bool, error) {
		left, err := w.ledger.drivenBy(ctx, w.daemons[i].run.pid())
		return err == nil && len(left) == 0, err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	doing, why := w.ledger.activity(ctx)
	return errors.Join(err, fmt.Errorf("transactions that are open:\n%s", doing), why)
}

// close ends every process, and removes what was written.
func (w *world) close(keep bool) error {
	w.crew.end()
	for _, l := range w.signer.links {
		l.close()
	}
	if w.ledger.pool != nil {
		w.ledger.pool.Close()
	}
	for _, c := range w.chains() {
		if c != nil {
			c.close()
		}
	}
	var err error
	if w.postgres.Pair != nil {
		err = w.postgres.Stop()
	}
	if keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}
