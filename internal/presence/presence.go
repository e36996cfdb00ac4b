// Package presence keeps what the long-lived processes of a ledger say of themselves, and has all their caches emptied.
//
// Words: an instance is a long-lived process; it attends while it runs, which means: its row stands in the database, it beats
// (writes its heartbeat and its cache's figures) every few seconds, and it obeys the generation. To raise the generation is to
// ask every instance to empty its cache; one that did has acknowledged it by writing that generation into its row. An instance
// without a heartbeat for a while is stale: it was killed, it hangs, or it cannot reach the database.
//
// The promise: whoever attends empties its cache soon after the generation rose (at once where the database can tell it, within
// PollEvery where it cannot) and says so only afterwards. Nothing here decides over nonces or money: an instance that is stale is
// shown, never acted upon.
package presence

import (
	"context"
	"time"

	"coffer.internal/internal/store"
)

const (
	// BeatEvery is how often an instance writes its row, if nothing else makes it.
	BeatEvery = 3 * time.Second
	// PollEvery is how often an instance looks at the generation where the database cannot tell it.
	PollEvery = 500 * time.Millisecond
	// StaleAfter is how long an instance may be silent before it is called stale.
	StaleAfter = 15 * time.Second
	// forgetAfter is how long a silent instance is kept: the next one that starts drops it.
	forgetAfter = 24 * time.Hour
)

// Cache is what an instance empties; wallet.Cache is one.
type Cache interface {
	// Clear empties it and notes the generation that it obeyed.
	Clear(generation int64)
	Figures() store.CacheFigures
}

// Status is all instances at one moment.
type Status struct {
	Now        time.Time // by the store's clock, which heartbeats are judged by
	Generation int64
	Instances  []store.Instance
}

// Stale says whether an instance has been silent for too long. A heartbeat from the future was written before the clock was set
// back (F36): who lives writes a new one within BeatEvery.
func (s Status) Stale(i store.Instance) bool { return s.Now.Sub(i.HeartbeatAt).Abs() >= StaleAfter }

// Live are the instances that are not stale.
func (s Status) Live() []store.Instance { return s.where(false) }

// Gone are the stale ones.
func (s Status) Gone() []store.Instance { return s.where(true) }

func (s Status) where(stale bool) (some []store.Instance) {
	for _, i := range s.Instances {
		if s.Stale(i) == stale {
			some = append(some, i)
		}
	}
	return some
}

// Read reads the status.
func Read(ctx context.Context, db store.DB) (s Status, err error) {
	err = db.View(ctx, func(r store.Reader) (err error) {
		s, err = In(ctx, r)
		return err
	})
	return s, err
}

// In reads the status in a transaction.
func In(ctx context.Context, r store.Reader) (s Status, err error) {
	if s.Instances, err = r.Instances(ctx); err != nil {
		return s, err
	}
	if s.Generation, err = r.Generation(ctx); err != nil {
		return s, err
	}
	s.Now, err = r.Now(ctx) // last: on PostgreSQL no heartbeat in the snapshot is later
	return s, err
}
