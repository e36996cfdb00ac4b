package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
)

// guards are what makes a machine stop by itself, and the second copy that its answers wait for.
type guards struct {
	lockAfter   time.Duration
	freezeAfter int
	copyTo      string
}

func (g *guards) flags(c *cobra.Command) {
	c.Flags().DurationVar(&g.lockAfter, "lock-after", 0, "lock when nothing was signed for so long, as 30m; 0: never")
	c.Flags().IntVar(&g.freezeAfter, "freeze-after-conflicts", 20, "freeze when so many requests within an hour contradict what is signed; 0: never")
	c.Flags().StringVar(&g.copyTo, "copy", "", "file on another disk: every answer waits until it is there, too")
}

func (g *guards) check() error {
	if g.lockAfter < 0 || g.lockAfter > 0 && g.lockAfter < time.Second {
		return fault.New(fault.Usage, "bad_duration", "--lock-after 30m", "%s is no time to wait before locking", g.lockAfter)
	}
	if g.freezeAfter < 0 {
		return fault.New(fault.Usage, "bad_number", "--freeze-after-conflicts 20", "%d is no number of conflicts", g.freezeAfter)
	}
	return nil
}

// begin sets the machine up, before anybody can ask it.
func (g *guards) begin(ctx context.Context, m *signer.Machine) error {
	if err := g.check(); err != nil {
		return err
	}
	if g.freezeAfter > 0 {
		m.FreezeAfterConflicts(g.freezeAfter, time.Now)
	}
	if g.copyTo == "" {
		return nil
	}
	return m.Follow(ctx, g.copyTo, time.Now())
}

// run watches until ctx ends.
func (g *guards) run(ctx context.Context, all *errgroup.Group, a *app, m *signer.Machine) {
	if g.lockAfter == 0 {
		return
	}
	all.Go(func() error {
		if m.LockWhenIdle(ctx, g.lockAfter, time.Now) {
			a.logger().Warn("locked: nothing was signed for too long", "after", g.lockAfter)
		}
		return nil
	})
}
