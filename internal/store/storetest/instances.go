package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"coffer.internal/internal/store"
)

func instance(id string) store.Instance {
	return store.Instance{
		ID: id, Kind: "run", Host: "host-1", PID: 4711, Version: "0.1.0",
		Cache: store.CacheFigures{Generation: 2, Hits: 1 << 40, Misses: 3, Entries: 4, OldestAge: 1500 * time.Millisecond},
	}
}

func (w *world) beat(i store.Instance) {
	w.Helper()
	w.update(func(tx store.Tx) error { return tx.Beat(w.ctx, i) })
}

func (w *world) instances() []store.Instance {
	w.Helper()
	return read(w, func(r store.Reader) ([]store.Instance, error) { return r.Instances(w.ctx) })
}

func (w *world) generation() int64 {
	w.Helper()
	return read(w, func(r store.Reader) (int64, error) { return r.Generation(w.ctx) })
}

func (w *world) raise() (raised int64) {
	w.Helper()
	w.update(func(tx store.Tx) (err error) {
		raised, err = tx.RaiseGeneration(w.ctx)
		return err
	})
	return raised
}

func testInstances(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"a process is there as it last said of itself": func(w *world) {
			times := cmpopts.IgnoreFields(store.Instance{}, "StartedAt", "HeartbeatAt")
			i := instance("one")
			w.beat(i)
			w.same("after the first beat", []store.Instance{i}, w.instances(), times)
			first := w.instances()[0]
			if first.StartedAt.IsZero() || !first.StartedAt.Equal(first.HeartbeatAt) || first.StartedAt.Location() != time.UTC {
				w.Errorf("times %v %v", first.StartedAt, first.HeartbeatAt)
			}
			i.Kind, i.Cache = "standby", store.CacheFigures{Generation: 3}
			w.beat(i)
			w.beat(instance("two"))
			w.same("after more", []store.Instance{i, instance("two")}, w.instances(), times)
			if again := w.instances()[0]; !again.StartedAt.Equal(first.StartedAt) || !again.HeartbeatAt.After(first.HeartbeatAt) {
				w.Errorf("times %v %v → %v %v", first.StartedAt, first.HeartbeatAt, again.StartedAt, again.HeartbeatAt)
			}
		},

		"one that ends is gone, said once or twice": func(w *world) {
			w.beat(instance("one"))
			w.beat(instance("two"))
			for range 2 {
				w.update(func(tx store.Tx) error { return tx.EndInstance(w.ctx, "one") })
			}
			if got := w.instances(); len(got) != 1 || got[0].ID != "two" {
				w.Errorf("left: %+v", got)
			}
		},

		"those silent for longer are dropped, by the store's clock": func(w *world) {
			w.beat(instance("one"))
			w.update(func(tx store.Tx) error { return tx.DropInstances(w.ctx, time.Hour) })
			if got := w.instances(); len(got) != 1 {
				w.Errorf("one that beat a moment ago is gone: %+v", got)
			}
			w.update(func(tx store.Tx) error { return tx.DropInstances(w.ctx, -time.Hour) })
			if got := w.instances(); len(got) != 0 {
				w.Errorf("left: %+v", got)
			}
		},

		"the generation begins at 0 and rises by one": func(w *world) {
			if got := w.generation(); got != 0 {
				w.Errorf("it begins at %d", got)
			}
			for want := range int64(3) {
				if got := w.raise(); got != want+1 || w.generation() != want+1 {
					w.Errorf("raised to %d, read as %d, want %d", got, w.generation(), want+1)
				}
			}
		},

		"a transaction that is given up raises nothing": func(w *world) {
			giveUp := errors.New("given up")
			w.updateFails(func(tx store.Tx) error {
				_, err := tx.RaiseGeneration(w.ctx)
				return errors.Join(err, tx.Beat(w.ctx, instance("one")), giveUp)
			}, giveUp)
			if got := w.generation(); got != 0 || len(w.instances()) != 0 {
				w.Errorf("generation %d, instances %+v", got, w.instances())
			}
		},

		"several raise it at once, and each gets another": func(w *world) {
			const all = 8
			got := make([]int64, all)
			dbs := []store.DB{w.db, w.open()}
			var wg sync.WaitGroup
			for i := range all {
				wg.Go(func() {
					err := dbs[i%2].Update(w.ctx, func(tx store.Tx) (err error) {
						got[i], err = tx.RaiseGeneration(w.ctx)
						return err
					})
					if err != nil {
						w.Errorf("Update: %v", err)
					}
				})
			}
			wg.Wait()
			seen := map[int64]bool{}
			for _, g := range got {
				seen[g] = true
			}
			if len(seen) != all || w.generation() != all {
				w.Errorf("raised to %v, and it is %d", got, w.generation())
			}
		},

		"who listens hears that it was raised": func(w *world) {
			listener, ok := w.db.(store.Listener)
			if !ok {
				return // such a database is asked every so often
			}
			ctx, stop := context.WithCancel(w.ctx)
			heard := make(chan struct{}, 16)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				listener.Listen(ctx, store.TopicCache, func() { heard <- struct{}{} })
			}()
			w.hears(heard, "that it listens")
			w.raise()
			w.hears(heard, "that the generation was raised")
			stop()
			<-ended
		},
	})
}

// hears waits until something was heard.
func (w *world) hears(heard <-chan struct{}, what string) {
	w.Helper()
	select {
	case <-heard:
	case <-time.After(20 * time.Second):
		w.Fatalf("it does not hear %s", what)
	}
}
