package signer

import (
	"context"
	"time"

	"coffer.internal/internal/signer/journal"
)

// Freeze has the machine sign nothing more, and make no keys, until officers unfreeze it. When it returns, nothing more gets journaled as
// signed; that holds for this process even if the freeze itself could not be written down (err says so).
func (m *Machine) Freeze(ctx context.Context, c journal.FreezeCause) (f journal.Freeze, already bool, err error) {
	if err := c.Check(); err != nil {
		return f, false, err
	}
	m.halted.Store(&journal.Freeze{Reasons: []journal.FreezeCause{c}})
	f, already, err = m.journal.Freeze(ctx, c)
	if err == nil {
		m.halted.Store(nil) // the journal knows better, from now on
	}
	return f, already, err
}

// stopped says why nothing is signed by this process, or nil. What the journal says is asked where it is written.
func (m *Machine) stopped() error {
	if m.locked.Load() {
		return lockedFault()
	}
	if f := m.halted.Load(); f != nil {
		return f.Fault()
	}
	return nil
}

// frozen is why the machine signs nothing until it is unfrozen; empty: it is not frozen.
func (m *Machine) frozen() (string, error) {
	if f := m.halted.Load(); f != nil {
		return f.String(), nil
	}
	f, ok, err := m.journal.Frozen()
	if err != nil || !ok {
		return "", err
	}
	return f.String(), nil
}

// writeHalt writes a freeze down that could not be when it was made.
func (m *Machine) writeHalt(ctx context.Context) error {
	f := m.halted.Load()
	if f == nil {
		return nil
	}
	_, _, err := m.Freeze(ctx, f.Reasons[0])
	return err
}

// Follow has every answer wait until it is in the second copy at path as well. If that has answers that the journal has not, the journal
// went back: the machine freezes.
func (m *Machine) Follow(ctx context.Context, path string, now time.Time) error {
	ahead, err := m.journal.Follow(path)
	if err != nil || !ahead {
		return err
	}
	_, _, err = m.Freeze(ctx, journal.FreezeCause{
		At: now.UTC().Truncate(time.Second), By: journal.Itself, Reason: "the second copy has answers that the journal has not: the journal went back; load " + path,
	})
	return err
}
