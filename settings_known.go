package coffer

import (
	"context"
	"sync"
	"time"
)

// settingsLook is how old what is known of the settings may be where it is asked before each pass and each payment.
const settingsLook = time.Second

// settingsKnown is what this process saw of its settings last.
type settingsKnown struct {
	turn chan struct{} // held by the one who looks

	mu      sync.Mutex
	at      time.Time // zero: nothing is known
	why     error     // they are not in force
	changed int       // how often it was forgotten
}

func newSettingsKnown() *settingsKnown { return &settingsKnown{turn: make(chan struct{}, 1)} }

// forget has the next who asks look.
func (k *settingsKnown) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = time.Time{}
	k.changed++
}

// seen is what was seen last, and whether it is anything, and new enough by the clock.
type seen struct {
	why          error
	known, fresh bool
	changed      int
}

func (k *settingsKnown) last(now time.Time) seen {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := !k.at.IsZero()
	return seen{k.why, known, known && now.Sub(k.at) < settingsLook && !now.Before(k.at), k.changed}
}

// saw notes what was seen, unless something changed while it was looked at: then the next who asks looks again.
func (k *settingsKnown) saw(why error, now time.Time, before seen) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.why = why
	if k.changed == before.changed {
		k.at = now
	}
}

// ask looks if what is known is too old, and one at a time: a database that does not answer holds up who looks, and nobody else who knows
// something. look is told what was known before.
func (k *settingsKnown) ask(ctx context.Context, now func() time.Time, look func(ctx context.Context, was error) (why, err error)) error {
	asked := now()
	last := k.last(asked)
	if last.fresh {
		return last.why
	}
	select {
	case k.turn <- struct{}{}:
	default:
		if last.known {
			return last.why
		}
		select {
		case k.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-k.turn }()
	if last = k.last(asked); last.fresh { // who had the turn before has looked
		return last.why
	}
	why, err := look(ctx, last.why)
	if err != nil {
		return err
	}
	k.saw(why, asked, last)
	return why
}
