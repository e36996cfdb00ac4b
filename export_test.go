package coffer

import (
	"context"
	"time"
)

// ReconcileIfDue is what a daemon does each minute.
func ReconcileIfDue(ctx context.Context, s *System, every time.Duration) error {
	return s.reconcileIfDue(ctx, every)
}

// WatchSeals is what a daemon that seals does every ten seconds.
func WatchSeals(ctx context.Context, s *System) error { return s.watchSeals(ctx) }

// WatchSettings is what a daemon does every three seconds.
func WatchSettings(ctx context.Context, s *System) error { return s.watchSettings(ctx) }

// SettingsKnown is what a process saw of its settings last.
type SettingsKnown struct{ *settingsKnown }

func NewSettingsKnown() SettingsKnown { return SettingsKnown{newSettingsKnown()} }

func (k SettingsKnown) Forget() { k.forget() }

func (k SettingsKnown) Ask(ctx context.Context, now func() time.Time, look func(ctx context.Context, was error) (why, err error)) error {
	return k.ask(ctx, now, look)
}
