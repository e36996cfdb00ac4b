package storetest

import (
	"errors"
	"testing"

	"coffer.internal/internal/store"
)

func testHold(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"one at a time, and free again after Release": func(w *world) {
			first, err := w.db.Hold(w.ctx, "run")
			if err != nil {
				w.Fatal(err)
			}
			for name, db := range map[string]store.DB{"the same handle": w.db, "another": w.open()} {
				if _, err := db.Hold(w.ctx, "run"); !errors.Is(err, store.ErrHeld) {
					w.Errorf("Hold from %s = %v", name, err)
				}
			}
			select {
			case <-first.Lost():
				w.Error("it says that it is lost")
			default:
			}
			if err := first.Release(); err != nil {
				w.Fatal(err)
			}
			second, err := w.open().Hold(w.ctx, "run")
			if err != nil {
				w.Fatalf("after Release: %v", err)
			}
			if err := second.Release(); err != nil {
				w.Error(err)
			}
		},

		"names do not stand in each other's way": func(w *world) {
			for _, name := range []string{"run", "migrate-by-hand"} {
				held, err := w.db.Hold(w.ctx, name)
				if err != nil {
					w.Fatal(err)
				}
				defer func() { _ = held.Release() }()
			}
			w.hot() // nor in a writer's
		},

		"databases do not stand in each other's way": func(w *world) {
			other := newWorld(w.T, w.h)
			for _, db := range []store.DB{w.db, other.db} {
				held, err := db.Hold(w.ctx, "run")
				if err != nil {
					w.Fatal(err)
				}
				defer func() { _ = held.Release() }()
			}
		},
	})
}
