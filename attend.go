package coffer

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/presence"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// Version is what this build calls itself.
const Version = "0.1.0"

// Instance is a long-lived process of the ledger, as it last said of itself.
type Instance = store.Instance

// CacheStatus is all instances at one moment.
type CacheStatus = presence.Status

// CacheCleared is what became of a ClearCache.
type CacheCleared = presence.Cleared

var kinds = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// Attend makes this process one of the ledger's instances until ctx ends: `coffer cache-status` shows it under that kind, a word of
// its own such as payouts, with its heartbeat and its cache's figures, and `coffer clear-cache` empties its cache. Run and Standby
// attend by themselves. Any other program that lives long does so in a goroutine that it waits for. When the database is away it
// goes on by itself.
func (s *System) Attend(ctx context.Context, kind string) error {
	if !kinds.MatchString(kind) {
		return fault.New(fault.Usage, "bad_kind", "a word such as payouts: a lower-case letter, then at most 31 of a-z, 0-9, _ and -",
			"%q cannot be the kind of an instance", kind)
	}
	s.attendant("", kind).Run(ctx)
	return nil
}

// attendant shows this process under an id; empty is one of its own.
func (s *System) attendant(id, kind string) *presence.Attendant {
	self := presence.Self{ID: id, Kind: kind, Host: hostname(), PID: os.Getpid(), Version: Version}
	return presence.New(s.db, s.cache, self, s.log)
}

// attending attends until leave is called, which waits for the end of it.
func attending(a *presence.Attendant) (leave func()) {
	return running(context.Background(), a.Run)
}

// CacheStatus shows every instance and how its cache does.
func (s *System) CacheStatus(ctx context.Context) (CacheStatus, error) {
	st, err := presence.Read(ctx, s.db)
	return st, storefault.Of(err, "read the instances")
}

// DaemonRuns says whether some daemon drives this database, or stands by to.
func (s *System) DaemonRuns(ctx context.Context) (bool, error) {
	st, err := s.CacheStatus(ctx)
	return slices.ContainsFunc(st.Live(), func(i Instance) bool { return i.Kind == kindRun || i.Kind == kindStandby }), err
}

// ClearCache has every instance empty its cache, and waits for them up to 5 s. If not all live ones did by then the error is
// fault.Partly, and what became of it is returned all the same. Stale instances are not waited for.
func (s *System) ClearCache(ctx context.Context) (CacheCleared, error) {
	c, err := presence.Clear(ctx, s.admin, s.actor)
	if err != nil {
		return c, storefault.Of(err, "clear the caches")
	}
	s.cache.Clear(c.Generation)
	if len(c.Missing) == 0 {
		return c, nil
	}
	names := make([]string, len(c.Missing))
	for i, m := range c.Missing {
		names[i] = fmt.Sprintf("%s (%s, process %d on %s)", m.ID, m.Kind, m.PID, m.Host)
	}
	return c, fault.New(fault.Partly, "not_acknowledged",
		"look at that process: it hangs, or cannot reach the database; what its cache holds ends by itself within 5 s of its going on",
		"acknowledged %d/%d: no answer within %s from %s", len(c.Acknowledged), c.Asked(), presence.ClearWithin, strings.Join(names, ", "))
}
