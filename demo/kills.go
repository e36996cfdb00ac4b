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
	begin  func(*show) error
	enough func(stages) int
	what   string
	// frozen: the state passes so fast that the daemon is stopped before it is looked at.
	frozen bool
	end    func(*show) error
}

var kills = []kill{
	{
		name:   "signing machine stopped",
		begin:  func(s *show) error { return s.signer.signal(syscall.SIGSTOP) },
		enough: func(n stages) int { return n.asked },
		what:   "asked and not answered",
		end:    func(s *show) error { return s.signer.signal(syscall.SIGCONT) },
	},
	{
		name:   "no new blocks",
		begin:  func(s *show) error { s.world.withhold(true); return nil },
		enough: func(n stages) int { return n.sent },
		what:   "sent and in no block",
		end:    func(s *show) error { s.world.withhold(false); return nil },
	},
	{
		name:   "a slow node",
		begin:  func(s *show) error { s.world.delay(100 * time.Millisecond); return nil },
		enough: func(n stages) int { return n.reserved },
		what:   "reserved and not asked",
		frozen: true,
		end:    func(s *show) error { s.world.delay(0); return nil },
	},
}

// murder lets the daemon pay for a while, makes the world bad, waits until enough payments are threatened, kills the daemon,
// counts, mends the world and starts the next daemon.
func (s *show) murder(ctx context.Context, i int, k kill) error {
	err := until(ctx, "the daemon to pay", 2*time.Millisecond, func(ctx context.Context) (bool, error) {
		n, err := s.ledger.stages(ctx)
		s.bar.show(n, s.count)
		return n.sent+n.mined+n.ended >= threatened && n.ended >= i*s.count/10, err
	})
	if err != nil {
		return fmt.Errorf("%w\nthe daemon's log ends:\n%s", err, s.daemon.tail())
	}
	if err := k.begin(s); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	err = until(ctx, fmt.Sprintf("%d payments %s", threatened, k.what), 2*time.Millisecond, func(ctx context.Context) (bool, error) {
		return s.struck(ctx, k)
	})
	if err != nil {
		return fmt.Errorf("%w\nthe daemon's log ends:\n%s", err, s.daemon.tail())
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
