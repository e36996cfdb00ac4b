package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// threatened is how many payments must stand in the state that a kill threatens.
const threatened = 20

// kill is one murder of the daemon: the world is made bad, payments pile up where it hurts, the daemon dies.
type kill struct {
	name   string
	before func(*show)      // withdrawals come in
	ready  func(stages) int // at threatened of these, begin; nil: at once
	begin  func(*show) error
	enough func(stages) int
	what   string
	// frozen: the state passes so fast that the daemon is stopped before it is looked at.
	frozen bool
	end    func(*show) error
}

// slow is how long the node takes to answer while a state that passes fast is waited for.
const slow = 250 * time.Millisecond

var kills = []kill{
	{
		name:   "signing machine stopped",
		before: func(s *show) { s.world.delay(slow) },
		ready:  func(n stages) int { return n.reserved },
		begin: func(s *show) error {
			s.world.delay(0)
			return s.signer.signal(syscall.SIGSTOP)
		},
		enough: func(n stages) int { return n.asked },
		what:   "asked and not answered",
		end:    func(s *show) error { return s.signer.signal(syscall.SIGCONT) },
	},
	{
		name:   "no new blocks",
		before: func(s *show) { s.world.withhold(true) },
		begin:  func(*show) error { return nil },
		enough: func(n stages) int { return n.sent },
		what:   "sent and in no block",
		end:    func(s *show) error { s.world.withhold(false); return nil },
	},
	{
		name:   "a slow node",
		before: func(s *show) { s.world.delay(slow) },
		begin:  func(*show) error { return nil },
		enough: func(n stages) int { return n.reserved },
		what:   "reserved and not asked",
		frozen: true,
		end:    func(s *show) error { s.world.delay(0); return nil },
	},
}

// murder lets a share of the withdrawals come in, makes the world bad, waits until enough payments are threatened, kills the
// daemon, counts, mends the world and starts the next daemon.
func (s *show) murder(ctx context.Context, k kill) error {
	k.before(s)
	if err := s.handOut(ctx, s.count/(len(kills)+1)); err != nil {
		return err
	}
	if k.ready != nil {
		if err := s.await(ctx, "payments that have a nonce", func(ctx context.Context) (bool, error) {
			n, err := s.ledger.stages(ctx)
			return k.ready(n) >= threatened, err
		}); err != nil {
			return err
		}
	}
	if err := k.begin(s); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	if err := s.await(ctx, fmt.Sprintf("%d payments %s", threatened, k.what), func(ctx context.Context) (bool, error) {
		return s.struck(ctx, k)
	}); err != nil {
		return err
	}
	n, err := s.ledger.stages(ctx)
	if err != nil {
		return err
	}
	if k.enough(n) < threatened {
		return fmt.Errorf("%s: only %d were %s when the daemon died: %s", k.name, k.enough(n), k.what, n)
	}
	s.say("killed with SIGKILL (%s): %d %s; in all %s", k.name, k.enough(n), k.what, n)
	s.report.Kills++
	if err := k.end(s); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	return s.startDaemon()
}

// await is until, with the end of the daemon's log beside its error.
func (s *show) await(ctx context.Context, what string, so func(context.Context) (bool, error)) error {
	if err := until(ctx, what, 2*time.Millisecond, so); err != nil {
		return fmt.Errorf("%w\nthe daemon's log ends:\n%s", err, s.daemon.tail())
	}
	return nil
}

// struck kills the daemon if enough payments are threatened now. A state that passes fast is looked at again with the
// daemon frozen, and it goes on if it was too late.
func (s *show) struck(ctx context.Context, k kill) (bool, error) {
	n, err := s.ledger.stages(ctx)
	if err != nil || k.enough(n) < threatened {
		return false, err
	}
	if !k.frozen {
		return true, s.daemon.kill()
	}
	if err := s.daemon.signal(syscall.SIGSTOP); err != nil {
		return false, err
	}
	if n, err = s.ledger.stages(ctx); err != nil {
		return false, err
	}
	if k.enough(n) < threatened {
		return false, s.daemon.signal(syscall.SIGCONT)
	}
	return true, s.daemon.kill()
}
