package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"coffer.internal"
	"coffer.internal/demo/recount"
	"coffer.internal/withdrawal"
)

// show is the demo as it runs.
type show struct {
	settings
	bar *bar

	dir      string
	programs programs
	world    *world
	signer   *child
	daemon   *child
	ledger   ledger
	report   report

	work   chan int // numbers of withdrawals, to the callers
	handed int      // how many were handed out
}

func (s *show) say(format string, args ...any) {
	if s.json {
		return
	}
	s.bar.clear()
	fmt.Printf(format+"\n", args...)
}

// play runs the whole demo and leaves its report.
func (s *show) play(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "coffer-demo-"); err != nil {
		return err
	}
	s.say("building coffer and coffer-signer")
	if s.programs, err = build(ctx, s.dir); err != nil {
		return err
	}
	began := time.Now()
	if s.world, err = startWorld(ctx); err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	if err := s.setUp(ctx); err != nil {
		return err
	}
	payments := s.world.payments(s.count)
	s.say("%d withdrawals from %d callers, out of %d hot wallets", s.count, s.callers, s.wallets)
	paying := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	s.work = make(chan int)
	g.Go(func() error { return s.submit(ctx, payments) })
	finished := make(chan struct{})
	g.Go(func() error {
		defer close(finished)
		return s.finish(ctx)
	})
	g.Go(func() error {
		defer close(s.work)
		for _, k := range kills {
			if err := s.murder(ctx, k); err != nil {
				return err
			}
		}
		if err := s.handOut(ctx, s.count-s.handed); err != nil {
			return err
		}
		select {
		case <-s.daemon.done:
			return fmt.Errorf("the daemon ended by itself:\n%s", s.daemon.tail())
		case <-finished:
			return nil
		}
	})
	if err := g.Wait(); err != nil {
		return err
	}
	s.report.PerSecond = float64(s.count) / time.Since(paying).Seconds()
	return s.judge(context.WithoutCancel(ctx), payments, began)
}

// setUp makes the signing machine, the home, the wallets and their funds, and starts the daemon.
func (s *show) setUp(ctx context.Context) (err error) {
	p := s.programs
	if err := os.WriteFile(p.passphrase(), []byte("only a demonstration\n"), 0o600); err != nil {
		return err
	}
	if _, err := p.output(ctx, p.coffer, "init"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.home(), "coffer.toml"), []byte(s.world.config()), 0o600); err != nil {
		return err
	}
	if _, err := p.output(ctx, p.signer, "init", "--passphrase-file", p.passphrase()); err != nil {
		return err
	}
	if s.signer, err = p.start(p.signer, "signer", "serve", "--passphrase-file", p.passphrase()); err != nil {
		return err
	}
	err = until(ctx, "the signing machine", 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		select {
		case <-s.signer.done:
			return false, fmt.Errorf("it ended:\n%s", s.signer.tail())
		default:
		}
		_, err := p.output(ctx, p.signer, "status")
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	addresses, err := s.createWallets(ctx)
	if err != nil {
		return err
	}
	if err := s.world.fund(ctx, addresses); err != nil {
		return fmt.Errorf("fund the wallets: %w", err)
	}
	if s.ledger, err = openLedger(p.database()); err != nil {
		return err
	}
	return s.startDaemon()
}

func (s *show) createWallets(ctx context.Context) ([]common.Address, error) {
	all := make([]common.Address, s.wallets)
	for i := range all {
		out, err := s.programs.output(ctx, s.programs.coffer, "create-hot", fmt.Sprint(s.world.chainID()), "evm", "--ref", fmt.Sprintf("demo-%d", i), "--json")
		if err != nil {
			return nil, err
		}
		var w struct {
			Address string `json:"address"`
		}
		if err := json.Unmarshal(out, &w); err != nil {
			return nil, err
		}
		all[i] = common.HexToAddress(w.Address)
	}
	return all, nil
}

func (s *show) startDaemon() (err error) {
	s.daemon, err = s.programs.start(s.programs.coffer, "daemon", "run")
	return err
}

// submit hands the withdrawals in from many callers at once, through the Go library, as a customer service would.
func (s *show) submit(ctx context.Context, payments []recount.Payment) error {
	c, err := coffer.LoadConfig(s.programs.home())
	if err != nil {
		return err
	}
	sys, err := coffer.Open(ctx, c, coffer.Options{})
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for range s.callers {
		g.Go(func() error {
			for i := range s.work {
				if _, _, err := sys.Withdrawals.Submit(gctx, s.request(i, payments[i])); err != nil {
					return fmt.Errorf("submit withdrawal %d: %w", i, err)
				}
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), sys.Close())
}

// handOut gives the next n withdrawals to the callers, who hand them in as fast as they can.
func (s *show) handOut(ctx context.Context, n int) error {
	for range n {
		select {
		case s.work <- s.handed:
			s.handed++
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *show) request(i int, p recount.Payment) withdrawal.Request {
	r := withdrawal.Request{
		ID: fmt.Sprintf("demo-%d", i), ChainID: s.world.chainID(), To: p.To.Hex(), Amount: p.Amount.String(), BaseUnits: true,
	}
	if p.Token != (common.Address{}) {
		r.Asset = tokenSymbol
	}
	return r
}

// finish waits until every withdrawal has ended.
func (s *show) finish(ctx context.Context) error {
	defer s.bar.clear()
	return until(ctx, "the last payment", 100*time.Millisecond, func(ctx context.Context) (bool, error) {
		n, err := s.ledger.stages(ctx)
		s.bar.show(n, s.count)
		return n.ended == s.count, err
	})
}

func (s *show) judge(ctx context.Context, payments []recount.Payment, began time.Time) error {
	wallets, err := s.ledger.wallets(ctx)
	if err != nil {
		return err
	}
	if s.report.Count, err = recount.Blocks(ctx, s.world.client, s.world.first, wallets, payments); err != nil {
		return err
	}
	s.report.Seconds = time.Since(began).Seconds()
	return nil
}

// close ends everything that was started, and removes what was written, unless something went wrong.
func (s *show) close() error {
	var errs []error
	for _, c := range []*child{s.daemon, s.signer} {
		if c != nil {
			_ = c.kill() // it may have ended already
		}
	}
	if s.ledger.db != nil {
		errs = append(errs, s.ledger.db.Close())
	}
	if s.world != nil {
		s.world.close()
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
