package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"coffer.internal/demo/recount"
	"coffer.internal/internal/keyfile"
)

// settings are what a run is started with.
type settings struct {
	length     time.Duration
	payments   int
	daemons    int
	wallets    int
	rounds     int
	threatened int
	seed       uint64
	faults     []fault
	keep       bool
	out        io.Writer
}

// streams is how many callers hand withdrawals in with `coffer withdraw --file -`. One more does it by SQL.
const streams = 3

// warmUp is how long payments come in before the first strike.
const warmUp = 3 * time.Second

// drainWithin is how long after all parts are healthy the last payment may end.
const drainWithin = 60 * time.Second

// show is a run as it goes.
type show struct {
	settings
	began  time.Time
	world  *world
	report *report
}

// run breaks the parts under load, mends them, waits, and counts.
func run(ctx context.Context, s settings) (_ *report, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	dir, err := os.MkdirTemp("", "coffer-chaos-")
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		return nil, err
	}
	r := &show{settings: s, began: time.Now(), world: &world{dir: dir, crew: &crew{dir: logs, fell: fail}},
		report: &report{seed: s.seed, faults: s.faults, tallies: map[string]*tally{}, counts: map[string]recount.Count{}}}
	defer func() {
		if s.keep {
			r.say("kept: %s", dir)
		}
		err = errors.Join(err, r.world.close(s.keep))
	}()
	if err := r.play(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = errors.Join(cause, err)
		}
		return nil, fmt.Errorf("seed %d: %w", s.seed, err)
	}
	r.report.print(s.out)
	return r.report, r.report.verdict(s)
}

func (s *show) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%7.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *show) play(ctx context.Context) error {
	s.say("seed %d; building coffer, coffer-signer and the node", s.seed)
	w := s.world
	all, err := w.setUp(ctx, s.settings)
	if err != nil {
		return err
	}
	for i := range w.daemons {
		if err := w.startDaemon(i); err != nil {
			return err
		}
	}
	s.say("%d payments in %s to %d daemons, from %d hot wallets on each of two chains", s.payments, s.length, s.daemons, s.wallets)
	paying := time.Now()
	if err := s.underLoad(ctx, all); err != nil {
		return err
	}
	if err := s.healthy(ctx); err != nil {
		return err
	}
	s.say("all parts are healthy")
	if err := s.drain(ctx); err != nil {
		return err
	}
	s.report.rate = float64(s.payments) / time.Since(paying).Seconds()
	s.say("all have ended; counting on the chains")
	if err := s.judge(ctx, all); err != nil {
		return err
	}
	if err := w.signerCounted(ctx, all); err != nil {
		return err
	}
	if s.report.alarms, s.report.lasting, err = w.ledger.alarms(ctx); err != nil {
		return err
	}
	s.report.took = time.Since(s.began)
	return nil
}

// underLoad lets the withdrawals come in and the faults strike, until all are accepted and all strikes are done.
func (s *show) underLoad(ctx context.Context, all []payment) error {
	key, err := keyfile.Read(s.world.serviceKey())
	if err != nil {
		return err
	}
	c := newCallers(len(all))
	calling, hangUp := context.WithCancel(ctx)
	defer hangUp()
	g, ctx := errgroup.WithContext(ctx)
	var lines errgroup.Group
	for i := range streams {
		lines.Go(func() error {
			return c.stream(calling, s.world.crew, fmt.Sprintf("caller-%d", i), func() *exec.Cmd {
				return s.world.command(context.Background(), s.world.callersHome(), s.world.programs.coffer, "withdraw", "--file", "-", "--json", "--base-units")
			})
		})
	}
	lines.Go(func() error { c.inbox(calling, s.world.ledger, key); return nil })
	g.Go(func() error { return c.pace(ctx, s.world.ledger, all, s.length) })
	g.Go(func() error { return s.strike(ctx) })
	g.Go(func() error {
		select {
		case <-c.all:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	err = g.Wait()
	hangUp()
	err = errors.Join(err, lines.Wait())
	s.report.again = c.again
	return err
}

// strike lets each fault strike in each round, in an order of the seed's, until there were enough rounds and the time is over.
func (s *show) strike(ctx context.Context) error {
	began := time.Now()
	if err := errors.Join(pause(ctx, warmUp), s.world.shared(ctx)); err != nil {
		return err
	}
	draw := rand.New(rand.NewPCG(s.seed, 0))
	beside, ctx := errgroup.WithContext(ctx)
	beside.SetLimit(1)
	for round := 0; len(s.faults) > 0 && (round < s.rounds || time.Since(began) < s.length); round++ {
		for _, i := range draw.Perm(len(s.faults)) {
			mine := rand.New(rand.NewPCG(s.seed, draw.Uint64()))
			if round >= s.rounds && time.Since(began) >= s.length {
				break
			}
			if err := pause(ctx, time.Duration(mine.Int64N(int64(time.Second)))); err != nil {
				return first(beside.Wait(), err)
			}
			f := s.faults[i]
			if f.beside && s.daemons > 1 {
				beside.Go(func() error { return s.once(ctx, f, mine) })
			} else if err := s.once(ctx, f, mine); err != nil {
				return first(err, beside.Wait())
			}
		}
	}
	return beside.Wait()
}

// first is the error that made the other one, which only says that the rest was called off.
func first(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (s *show) once(ctx context.Context, f fault, draw *rand.Rand) error {
	began := time.Now()
	n, err := f.strike(ctx, s.world, draw)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	ended, all, err := s.world.ledger.ended(ctx)
	if err != nil {
		return fmt.Errorf("after %s: %w", f.name, err)
	}
	s.report.struck(f.name, n, time.Since(began))
	s.say("%-16s  %4d %s; ended %d of %d %v", f.name, n, f.threat, all, s.payments, ended)
	return nil
}

// healthy waits until every part answers.
func (s *show) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w := s.world
	if err := until(ctx, "a synchronous standby", 50*time.Millisecond, w.postgres.synchronous); err != nil {
		return err
	}
	for _, c := range w.chains() {
		if err := until(ctx, c.name, 50*time.Millisecond, func(ctx context.Context) (bool, error) {
			_, err := c.client.BlockNumber(ctx)
			return err == nil, err
		}); err != nil {
			return err
		}
	}
	return w.signerReady(ctx)
}

// drain waits until every payment has ended.
func (s *show) drain(ctx context.Context) error {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	err := until(within, "the last payment", 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		outcomes, all, err := s.world.ledger.ended(ctx)
		if err == nil {
			s.report.ended, s.report.paid = outcomes, all
		}
		return err == nil && all == s.payments, err
	})
	s.report.drained = time.Since(began)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, s.explain(ctx))
}

// explain says which payments have not ended, and of the first few what coffer says about them.
func (s *show) explain(ctx context.Context) error {
	requests, lines, err := s.world.ledger.open(ctx, 20)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d of %d have ended; of the others:\n%s", s.report.paid, s.payments, lines)
	for _, r := range requests[:min(3, len(requests))] {
		for _, args := range [][]string{{"explain", r}, {"tx", "show", r}} {
			out, err := output(s.world.command(ctx, s.world.callersHome(), s.world.programs.coffer, args...))
			text += fmt.Sprintf("coffer %v:\n%s", args, out)
			if err != nil {
				text += err.Error() + "\n"
			}
		}
	}
	for _, d := range s.world.daemons {
		text += d.run.name + "'s log ends:\n" + d.run.tail() + "\n"
	}
	return errors.New(text)
}

// judge counts on each chain what was asked for there.
func (s *show) judge(ctx context.Context, all []payment) error {
	for _, c := range s.world.chains() {
		wallets, err := s.world.ledger.wallets(ctx, c.id)
		if err != nil {
			return err
		}
		var asked []recount.Payment
		for _, p := range all {
			if p.chain == c {
				asked = append(asked, p.Payment)
			}
		}
		if s.report.counts[c.name], err = recount.Blocks(ctx, c.client, c.first, wallets, asked); err != nil {
			return fmt.Errorf("count on %s: %w", c.name, err)
		}
	}
	return nil
}
