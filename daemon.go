package coffer

import (
	"context"
	"errors"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/presence"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// The daemon's lock, and the kinds of its instance in `cache-status`.
const (
	lockRun     = "run"
	kindRun     = "run"
	kindStandby = "standby"
)

// askAgain is how often a standby asks for the daemon's lock.
const askAgain = time.Second

// Run is the daemon: it moves every accepted payment to its end, until ctx ends. On PostgreSQL any number of daemons, on any number
// of machines, share the wallets by leases. On SQLite one runs per file, and a second is refused. It goes on by itself when the
// database, the signing machine or a node comes back. A chain whose strategy this program does not know is a fault.Usage before
// anything else. So is a fault.NotAllowed for settings that are not in force, once officers signed for some.
func (s *System) Run(ctx context.Context) error {
	if err := s.choice.check(); err != nil {
		return err
	}
	if err := s.mayRun(ctx); err != nil {
		return err
	}
	s.warnUnsigned(ctx)
	s.warnPaused(ctx)
	if !s.alone() {
		return s.share(ctx)
	}
	hold, err := s.db.Hold(ctx, lockRun)
	if errors.Is(err, store.ErrHeld) {
		return fault.Wrap(err, fault.Refused, "already_running",
			"stop the other one first, which may be on another machine; or wait for its end with `coffer run --standby`",
			"another daemon drives this database")
	}
	if err != nil {
		return storefault.Of(err, "take the daemon's lock")
	}
	leave := attending(s.attendant("", kindRun))
	defer leave()
	return s.drive(ctx, hold)
}

// Standby is Run, but on SQLite, as long as another daemon drives the file, it waits, and takes over when that one has ended,
// however it ended. On PostgreSQL it is Run.
func (s *System) Standby(ctx context.Context) error {
	if !s.alone() {
		return s.Run(ctx)
	}
	if err := s.choice.check(); err != nil {
		return err
	}
	if err := s.mayRun(ctx); err != nil {
		return err
	}
	a := s.attendant("", kindStandby)
	leave := attending(a)
	defer leave()
	hold, err := s.await(ctx)
	if err != nil {
		return err
	}
	if err := s.mayRun(ctx); err != nil { // it may have waited for long
		return errors.Join(err, hold.Release())
	}
	a.Become(kindRun)
	return s.drive(ctx, hold)
}

// await takes the daemon's lock as soon as it is free. What keeps it waiting is said once.
func (s *System) await(ctx context.Context) (store.Hold, error) {
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	var told error
	for {
		hold, err := s.db.Hold(ctx, lockRun)
		switch {
		case err == nil:
			if told != nil {
				s.log.Info("the daemon's lock is free: taking over")
			}
			return hold, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, store.ErrHeld):
			if !errors.Is(told, store.ErrHeld) {
				s.log.Info("another daemon drives this database; standing by until it has ended")
			}
		case errors.Is(err, store.ErrUnreachable):
			if !errors.Is(told, store.ErrUnreachable) {
				s.log.Warn("the database does not answer; standing by", "error", err)
			}
		default:
			return nil, storefault.Of(err, "take the daemon's lock")
		}
		told = err
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// alone says whether one daemon at most may drive this database: a file has one writer.
func (s *System) alone() bool { return strings.HasPrefix(s.config.Database, "sqlite:") }

// holder names this process among the daemons that share the wallets. Where a lock lets in only one, that is always the same
// one: it need not wait for the leases of its dead predecessor.
func (s *System) holder() string {
	if s.alone() {
		return lockRun
	}
	return s.id
}

// daemons counts the daemons that live, for an equal share.
func (s *System) daemons(ctx context.Context, r store.Reader) (int, error) {
	if s.alone() {
		return 1, nil // it has the lock: others that still seem to live were killed, and their share is its own
	}
	st, err := presence.In(ctx, r)
	n := 0
	for _, i := range st.Live() {
		if i.Kind == kindRun {
			n++
		}
	}
	return n, err
}

// handOverWithin is how long the end of a daemon waits for its leases to be given back. Left behind, they run out.
const handOverWithin = 2 * time.Second

// share runs the engine beside those of other daemons. At its end, its row among the instances goes first, so that who is left
// takes all that is given back.
func (s *System) share(ctx context.Context) error {
	after, err := s.beside(ctx)
	if err != nil {
		return err
	}
	defer after()
	leave := attending(s.attendant(s.id, kindRun))
	collected := s.collecting(ctx)
	err = s.engine.Run(ctx)
	collected()
	leave()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverWithin)
	defer cancel()
	if err := s.engine.HandOver(last); err != nil {
		s.log.Warn("the wallets could not be given back: others take them when their leases run out", "error", err)
	}
	return err
}

// drive runs the engine while the lock is held, and gives the lock back.
func (s *System) drive(ctx context.Context, hold store.Hold) error {
	after, err := s.beside(ctx)
	if err != nil {
		return errors.Join(err, hold.Release())
	}
	defer after()
	held, lose := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-hold.Lost():
			lose(fault.New(fault.Unreachable, "lock_lost", "start it again with `coffer run`",
				"the daemon's lock is gone: the connection to the database that held it broke"))
		case <-held.Done():
		}
	}()
	err = s.engine.Run(held)
	if cause := context.Cause(held); ctx.Err() == nil && cause != nil {
		err = cause
	}
	lose(nil)
	<-watched
	return errors.Join(err, hold.Release())
}
