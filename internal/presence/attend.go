package presence

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"coffer.internal/internal/store"
)

const (
	// passWithin ends the wait for a database that does not answer; the next pass tries again.
	passWithin = 10 * time.Second
	// leaveWithin is how long the end of a process waits for its row to go. Left behind, it turns stale.
	leaveWithin = 2 * time.Second
)

// Self is what an instance says of itself.
type Self struct {
	ID      string // default: one of its own
	Kind    string // run, standby, withdraw, or a program's own word
	Host    string
	PID     int
	Version string
}

// Attendant is an instance's presence. Make it with New, then Run it once.
type Attendant struct {
	db    store.DB
	cache Cache
	log   *slog.Logger
	self  Self
	kind  atomic.Pointer[string]
	wakes chan struct{} // there is something to be looked at or written

	// Only Run's goroutine touches these.
	obeyed int64 // the generation that the cache was last emptied for
	begun  bool  // it was, once
	wrote  struct {
		once       bool
		kind       string
		generation int64
	}
	silent bool // the log says that the database does not answer
}

// New makes an Attendant. It does nothing before Run.
func New(db store.DB, cache Cache, self Self, log *slog.Logger) *Attendant {
	if self.ID == "" {
		self.ID = NewID()
	}
	a := &Attendant{db: db, cache: cache, log: log, self: self, wakes: make(chan struct{}, 1)}
	a.kind.Store(&self.Kind)
	return a
}

// NewID is an instance's id that no other has.
func NewID() string {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// Become changes the instance's kind: a standby that takes over is a daemon from then on.
func (a *Attendant) Become(kind string) {
	a.kind.Store(&kind)
	a.wake()
}

func (a *Attendant) wake() {
	select {
	case a.wakes <- struct{}{}:
	default: // it is woken already
	}
}

// Run attends until ctx ends, then takes the instance's row away. When the database is away it goes on by itself.
func (a *Attendant) Run(ctx context.Context) {
	every := PollEvery
	var listening sync.WaitGroup
	if l, ok := a.db.(store.Listener); ok {
		every = BeatEvery // should a notification be lost all the same
		listening.Go(func() { l.Listen(ctx, store.TopicCache, a.wake) })
	}
	look, beat := time.NewTicker(every), time.NewTicker(BeatEvery)
	defer look.Stop()
	defer beat.Stop()
	due := true
	for ctx.Err() == nil {
		err := a.pass(ctx, due)
		if ctx.Err() == nil {
			a.tell(err)
		}
		due = false
		select {
		case <-beat.C:
			due = true
		case <-look.C:
		case <-a.wakes:
		case <-ctx.Done():
		}
	}
	listening.Wait()
	a.leave(ctx)
}

// pass obeys the generation, and writes the row if it is due or says something new. The cache is emptied before the row says so.
func (a *Attendant) pass(ctx context.Context, due bool) error {
	ctx, cancel := context.WithTimeout(ctx, passWithin)
	defer cancel()
	var generation int64
	err := a.db.View(ctx, func(r store.Reader) (err error) {
		generation, err = r.Generation(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if !a.begun || generation != a.obeyed {
		a.cache.Clear(generation)
		a.begun, a.obeyed = true, generation
	}
	kind := *a.kind.Load()
	if !due && a.wrote.once && a.wrote.kind == kind && a.wrote.generation == a.obeyed {
		return nil
	}
	row := store.Instance{
		ID: a.self.ID, Kind: kind, Host: a.self.Host, PID: a.self.PID, Version: a.self.Version, Cache: a.cache.Figures(),
	}
	row.Cache.Generation = a.obeyed // whoever else empties the cache may be about an older one
	err = a.db.Update(ctx, func(tx store.Tx) error {
		if !a.wrote.once {
			if err := tx.DropInstances(ctx, forgetAfter); err != nil {
				return err
			}
		}
		return tx.Beat(ctx, row)
	})
	if err == nil {
		a.wrote.once, a.wrote.kind, a.wrote.generation = true, kind, a.obeyed
	}
	return err
}

// tell logs that the database does not answer, and that it does again, once each.
func (a *Attendant) tell(err error) {
	if failed := err != nil; failed != a.silent {
		a.silent = failed
		if failed {
			a.log.Warn("no heartbeat can be written, and the cache's generation is not known; it is tried again", "error", err)
		} else {
			a.log.Info("heartbeats are written again")
		}
	}
}

// leave takes the row away. If that fails nothing is lost: the row turns stale.
func (a *Attendant) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	err := a.db.Update(ctx, func(tx store.Tx) error { return tx.EndInstance(ctx, a.self.ID) })
	if err != nil {
		a.log.Warn("the row of this process stays until it is dropped as stale", "error", err)
	}
}
