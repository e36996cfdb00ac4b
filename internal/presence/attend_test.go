package presence_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer.internal/internal/presence"
	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/sqlite"
	"coffer.internal/internal/store/storetest"
)

// cache is one that writes down what it was told, and what the rows in the database said at that moment.
type cache struct {
	mu      sync.Mutex
	figures store.CacheFigures
	cleared []int64
	before  func() // called by Clear, before it clears
}

func (c *cache) Clear(generation int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.before != nil {
		c.before()
	}
	c.cleared = append(c.cleared, generation)
	c.figures = store.CacheFigures{Generation: generation, Hits: c.figures.Hits}
}

func (c *cache) Figures() store.CacheFigures {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.figures
}

// office is a database that instances attend to.
type office struct {
	*testing.T
	db *away
}

// away is a database that can be taken away.
type away struct {
	store.DB
	gone atomic.Bool
}

func (d *away) View(ctx context.Context, fn func(store.Reader) error) error {
	if d.gone.Load() {
		return store.ErrUnreachable
	}
	return d.DB.View(ctx, fn)
}

func (d *away) Update(ctx context.Context, fn func(store.Tx) error) error {
	if d.gone.Load() {
		return store.ErrUnreachable
	}
	return d.DB.Update(ctx, fn)
}

// listening is such a database that can also be listened to.
type listening struct {
	*away
	store.Listener
}

// handle is the database as an instance has it.
func (o *office) handle() store.DB {
	if l, ok := o.db.DB.(store.Listener); ok {
		return listening{o.db, l}
	}
	return o.db
}

func onBoth(t *testing.T, test func(*office)) {
	for name, open := range map[string]func(*testing.T) (store.DB, error){
		"sqlite": func(t *testing.T) (store.DB, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{Now: time.Now})
		},
		"postgres": func(t *testing.T) (store.DB, error) {
			return postgres.Open(context.Background(), pgtables.DSN(t), postgres.Options{PoolSize: 4})
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := open(t)
			test(&office{t, &away{DB: storetest.Migrated(t, db, err)}})
		})
	}
}

// attend starts an instance; leave ends it.
func (o *office) attend(c *cache, log *slog.Logger) (a *presence.Attendant, leave func()) {
	a = presence.New(o.handle(), c, presence.Self{Kind: "standby", Host: "host-1", PID: 7, Version: "v"}, log)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(ctx)
	}()
	leave = sync.OnceFunc(func() {
		stop()
		<-ended
	})
	o.Cleanup(leave)
	return a, leave
}

func (o *office) status() presence.Status {
	o.Helper()
	s, err := presence.Read(context.Background(), o.db.DB)
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// until polls the status.
func (o *office) until(what string, ok func(presence.Status) bool) presence.Status {
	o.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s := o.status(); ok(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			o.Fatalf("it never came to this: %s; %+v", what, o.status())
		}
	}
}

func one(s presence.Status) bool { return len(s.Instances) == 1 }

var quiet = slog.New(slog.DiscardHandler)

func TestAnInstanceIsThereWhileItAttends(t *testing.T) {
	onBoth(t, func(o *office) {
		a, leave := o.attend(&cache{}, quiet)
		s := o.until("one instance", one)
		if i := s.Instances[0]; i.Kind != "standby" || i.Host != "host-1" || i.PID != 7 || i.Version != "v" || s.Stale(i) {
			o.Errorf("it is %+v", i)
		}
		a.Become("run")
		o.until("it is a daemon", func(s presence.Status) bool { return one(s) && s.Instances[0].Kind == "run" })
		leave()
		if s := o.status(); len(s.Instances) != 0 {
			o.Errorf("it has left, and its row is there: %+v", s.Instances)
		}
	})
}

func TestAnInstanceEmptiesItsCacheBeforeItSaysSo(t *testing.T) {
	onBoth(t, func(o *office) {
		c := &cache{}
		o.attend(c, quiet)
		o.until("one instance", one)
		c.mu.Lock()
		c.figures.Hits = 5
		c.before = func() {
			if i := o.status().Instances[0]; i.Cache.Generation != 0 {
				o.Errorf("its row says generation %d, and the cache is not empty yet", i.Cache.Generation)
			}
			c.before = nil
		}
		c.mu.Unlock()
		got, err := presence.Clear(o.Context(), o.db, "tester")
		if err != nil || got.Generation != 1 || len(got.Acknowledged) != 1 || len(got.Missing) != 0 || len(got.Stale) != 0 {
			o.Fatalf("Clear = %+v, %v", got, err)
		}
		if f := got.Acknowledged[0].Cache; f.Generation != 1 || f.Hits != 5 {
			o.Errorf("it says of its cache: %+v", f)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := len(c.cleared); c.cleared[n-1] != 1 {
			o.Errorf("the cache was emptied for %v", c.cleared)
		}
	})
}

// A program that attends may clear the cache itself (System.ClearCache), and be done with that after somebody else asked again.
func TestAnInstanceNeverTakesBackWhatItAcknowledged(t *testing.T) {
	onBoth(t, func(o *office) {
		c := &cache{}
		a, _ := o.attend(c, quiet)
		o.until("one instance", one)
		for range 2 {
			if got, err := presence.Clear(o.Context(), o.db, "tester"); err != nil || len(got.Acknowledged) != 1 {
				o.Fatalf("Clear = %+v, %v", got, err)
			}
		}
		c.Clear(1)
		a.Become("run")
		s := o.until("it says something new", func(s presence.Status) bool { return one(s) && s.Instances[0].Kind == "run" })
		if got := s.Instances[0].Cache.Generation; got != 2 {
			o.Errorf("it obeyed generation 2, and says %d", got)
		}
	})
}

func TestClearingLeavesARecord(t *testing.T) {
	onBoth(t, func(o *office) {
		if _, err := presence.Clear(o.Context(), o.db, "tester"); err != nil {
			o.Fatal(err)
		}
		err := o.db.View(o.Context(), func(r store.Reader) error {
			rows, err := r.Audit(o.Context(), store.AuditFilter{Action: "cache."})
			if err == nil && (len(rows) != 1 || rows[0].Action != "cache.clear" || rows[0].Actor != "tester" || rows[0].Result != store.ResultDone) {
				o.Errorf("audit rows: %+v", rows)
			}
			return err
		})
		if err != nil {
			o.Fatal(err)
		}
	})
}

func TestAnInstanceGoesOnByItselfWhenTheDatabaseWasAway(t *testing.T) {
	onBoth(t, func(o *office) {
		log := &lines{}
		c := &cache{}
		a, _ := o.attend(c, slog.New(slog.NewTextHandler(log, nil)))
		o.until("one instance", one)
		o.db.gone.Store(true)
		a.Become("run") // it tries to say so, and cannot
		log.until(o.T, "no heartbeat can be written")
		err := o.db.DB.Update(o.Context(), func(tx store.Tx) error { // by somebody who still reaches it
			_, err := tx.RaiseGeneration(o.Context())
			return err
		})
		if err != nil {
			o.Fatal(err)
		}
		o.db.gone.Store(false)
		o.until("it obeys", func(s presence.Status) bool {
			return one(s) && s.Instances[0].Kind == "run" && s.Instances[0].Cache.Generation == 1
		})
		log.until(o.T, "heartbeats are written again")
		if n := strings.Count(log.String(), "no heartbeat"); n != 1 {
			o.Errorf("it is said %d times:\n%s", n, log)
		}
	})
}

func TestARowThatWasSilentForADayIsDroppedByTheNextThatStarts(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		silent time.Duration
		left   int
	}{"a day": {day + time.Hour, 1}, "an hour": {time.Hour, 2}} {
		t.Run(name, func(t *testing.T) {
			path, past := filepath.Join(t.TempDir(), "coffer.db"), time.Now().Add(-c.silent)
			old, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: func() time.Time { return past }})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := old.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			err = old.Update(t.Context(), func(tx store.Tx) error {
				return tx.Beat(t.Context(), store.Instance{ID: "old", Kind: "run"})
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			o := &office{t, &away{DB: db}}
			o.attend(&cache{}, quiet)
			s := o.until("the new one is there", func(s presence.Status) bool { return len(s.Live()) == 1 })
			if len(s.Instances) != c.left {
				t.Errorf("%d rows, want %d: %+v", len(s.Instances), c.left, s.Instances)
			}
		})
	}
}

// Two machines' clocks may differ by more than StaleAfter.
func TestHeartbeatsAreJudgedByTheStoresClock(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), sqlite.Options{
		Now: func() time.Time { return time.Now().Add(-time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := &office{t, &away{DB: db}}
	o.attend(&cache{}, quiet)
	if s := o.until("one instance", one); s.Stale(s.Instances[0]) {
		t.Errorf("it beat a moment ago, and is called stale: %+v", s)
	}
}

// lines is a log that can be waited on.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) until(t *testing.T, what string) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(l.String(), what) {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("the log never says %q:\n%s", what, l)
		}
	}
}
