package withdrawal

import (
	"context"
	"fmt"
	"slices"
)

// Pass makes passes of the named steps (all, if none is named) of every lane, one after the other, each until it finds nothing
// more: what the daemon's goroutines do, in an order that a test chooses.
func Pass(ctx context.Context, e *Engine, names ...string) error {
	for _, s := range e.Steps() {
		if len(names) > 0 && s.Name != stepLease && !slices.Contains(names, s.Name) {
			continue
		}
		for again, n := true, 0; again; n++ {
			var err error
			if again, err = s.Pass(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			if n > 100 {
				return fmt.Errorf("%s finds more for ever", s.Name)
			}
		}
	}
	return nil
}

// PassOnly makes passes of the named steps and of no other: not even the leases are looked at.
func PassOnly(ctx context.Context, e *Engine, names ...string) error {
	for _, s := range e.Steps() {
		if slices.Contains(names, s.Name) {
			if _, err := s.Pass(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	return nil
}

// SendAgain makes everything that is out due at once, as time does.
func SendAgain(e *Engine) {
	for _, l := range e.lanes {
		clear(l.resent)
	}
}

// ForgetAsides makes every payment that was set aside due at once, as time does.
func ForgetAsides(e *Engine) {
	for _, l := range e.lanes {
		clear(l.aside.all)
		clear(l.throttles.all)
	}
}

// The tables, for the test that holds docs/state-machine.md to them.
var (
	WithdrawalEdges = withdrawalEdges
	AttemptEdges    = attemptEdges
)
