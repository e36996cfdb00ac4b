// Package groupcommit lets callers share one durable write.
//
// Callers that arrive while a write is running are answered by the next one, all of them together. There is no timer: a
// caller that finds nobody writing is written for at once. So one disk sync carries as many callers as came in during the
// sync before it, and a single caller pays nothing for the grouping.
package groupcommit

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ErrClosed is returned to callers that come after Close.
var ErrClosed = errors.New("group commit is closed")

// Outcome is what the write made of one call.
type Outcome[R any] struct {
	Value R
	Err   error
}

// Commit writes all calls and returns one outcome for each, in order. It must not return before what it reports as done is
// durable, and it decides on its own how one bad call is kept from failing the others. No caller's context reaches it: once
// it runs, it runs to its end.
type Commit[C, R any] func(calls []C) []Outcome[R]

// Group runs a Commit for callers. Its one goroutine is started by New and ended by Close.
type Group[C, R any] struct {
	commit Commit[C, R]
	max    int
	inline bool

	mu      sync.Mutex
	pending []*waiter[C, R]
	closed  bool
	wake    chan struct{} // holds at most one token: somebody is pending, or the group was closed
	done    chan struct{}
}

type waiter[C, R any] struct {
	call    C
	outcome chan Outcome[R] // holds one
}

// New starts a group whose commits take at most limit calls each.
func New[C, R any](limit int, commit Commit[C, R]) *Group[C, R] {
	g := &Group[C, R]{commit: commit, max: limit, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go g.run()
	return g
}

// Inline makes a group without a goroutine: each call is written for by its own caller, alone, in the caller's goroutine. It is for
// a simulation, in which one thread has to do everything so that it replays exactly. One caller may call at a time.
func Inline[C, R any](commit Commit[C, R]) *Group[C, R] {
	return &Group[C, R]{commit: commit, inline: true}
}

// Do hands in a call and waits for its outcome. If ctx ends before the write that would carry the call has begun, the call
// is withdrawn and ctx's error returned: nothing was written. If it ends later, Do still waits for the outcome, because the
// write stands whatever the caller does.
func (g *Group[C, R]) Do(ctx context.Context, call C) (R, error) {
	var zero R
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	if g.inline {
		return g.alone(call)
	}
	w := &waiter[C, R]{call: call, outcome: make(chan Outcome[R], 1)}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return zero, ErrClosed
	}
	g.pending = append(g.pending, w)
	g.mu.Unlock()
	g.signal()

	select {
	case o := <-w.outcome:
		return o.Value, o.Err
	case <-ctx.Done():
		if g.withdraw(w) {
			return zero, ctx.Err()
		}
		o := <-w.outcome
		return o.Value, o.Err
	}
}

// alone writes for one caller. The commit may panic (a simulated crash): nothing is held meanwhile.
func (g *Group[C, R]) alone(call C) (R, error) {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed {
		var zero R
		return zero, ErrClosed
	}
	o := g.commit([]C{call})[0]
	return o.Value, o.Err
}

// Close answers everybody who has already called, then ends the group and waits for it. A second Close only waits.
func (g *Group[C, R]) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	if g.inline {
		return
	}
	g.signal()
	<-g.done
}

func (g *Group[C, R]) run() {
	defer close(g.done)
	for range g.wake {
		for {
			g.gather()
			batch, closed := g.take()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			g.serve(batch)
		}
	}
}

// gather lets callers who are about to call do so, for as long as more of them come: those just answered call again, as a rule,
// and would else be written for in turns, half of them at a time. It waits for nobody.
func (g *Group[C, R]) gather() {
	for before, now := -1, 0; now != before && now < g.max; {
		before = now
		runtime.Gosched()
		g.mu.Lock()
		now = len(g.pending)
		g.mu.Unlock()
	}
}

func (g *Group[C, R]) serve(batch []*waiter[C, R]) {
	calls := make([]C, len(batch))
	for i, w := range batch {
		calls[i] = w.call
	}
	for i, o := range g.commit(calls) {
		batch[i].outcome <- o
	}
}

func (g *Group[C, R]) take() (batch []*waiter[C, R], closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.pending), g.max)
	batch = g.pending[:n:n]
	g.pending = g.pending[n:]
	return batch, g.closed
}

// withdraw takes a waiter out if no write has begun for it.
func (g *Group[C, R]) withdraw(w *waiter[C, R]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, p := range g.pending {
		if p == w {
			g.pending = append(g.pending[:i:i], g.pending[i+1:]...)
			return true
		}
	}
	return false
}

func (g *Group[C, R]) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}
