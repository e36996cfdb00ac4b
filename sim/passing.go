package main

import (
	"context"
	"iter"

	"coffer.internal/withdrawal"
)

// passing makes the passes of a step. A pass can be left in the middle, where it waits for somebody's answer: the other steps of its daemon
// act then, as the goroutines of a real one do, and it goes on with what it read before.
type passing struct {
	daemon *daemon
	next   func() (left, more bool)
	stop   func()
	leave  func(left bool) bool // called in the pass; false: it never goes on
	out    int                  // turns that a pass that was left sits out
	again  bool
	err    error
}

// dropped is what a pass panics with that was left when its daemon died.
type dropped struct{}

// newPassing makes one coroutine for all passes, because its stack grows to what SQLite needs.
func newPassing(d *daemon, s withdrawal.Step) *passing {
	p := &passing{daemon: d}
	p.next, p.stop = iter.Pull(func(leave func(bool) bool) {
		p.leave = leave
		for more := true; more; more = leave(false) {
			p.again, p.err = s.Pass(context.Background())
		}
	})
	return p
}

// goOn makes a pass, or goes on with the one that was left. It says whether that is left again.
func (p *passing) goOn() (left bool) {
	if p.out > 0 {
		p.out--
		return true
	}
	d := p.daemon
	d.acts = p
	defer func() { d.acts = nil }()
	left, _ = p.next()
	return left
}

// drop ends it, as the death of its process does.
func (p *passing) drop() {
	defer func() {
		if r := recover(); r != nil && r != (dropped{}) {
			panic(r)
		}
	}()
	p.stop()
}

// waits is where a pass waits for an answer that is not the database's: others may be faster.
func (u *user) waits() {
	p := u.acts
	if p == nil || !u.strikes(overtaken) {
		return
	}
	p.out = u.town.rng.IntN(6)
	if !p.leave(true) {
		panic(dropped{})
	}
}
