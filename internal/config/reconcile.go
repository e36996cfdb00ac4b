package config

import "time"

// Reconcile says how often `coffer run` compares ledger and chain (docs/reconcile.md).
type Reconcile struct {
	Every time.Duration // 0: never
}

// reconcileTable is [reconcile].
type reconcileTable struct {
	Every *string `toml:"every"`
}

const (
	defaultReconcile  = 24 * time.Hour
	shortestReconcile = time.Minute
)

func (f *file) reconcile() (Reconcile, error) {
	if f.Reconcile == nil || f.Reconcile.Every == nil {
		return Reconcile{Every: defaultReconcile}, nil
	}
	every, err := f.duration("reconcile.every", f.Reconcile.Every, 0, 0, 31*24*time.Hour)
	if err == nil && every != 0 && every < shortestReconcile {
		err = f.bad("reconcile.every", hintTemplate, `%q must be "0s", or from %s to %s`, *f.Reconcile.Every, shortestReconcile, 31*24*time.Hour)
	}
	return Reconcile{Every: every}, err
}
