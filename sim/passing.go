package main

import (
	"context"
	"iter"

	"coffer.internal/withdrawal"
)

// passing is a pass of a step. It can be left in the middle, where it waits for somebody's answer: the other steps of its daemon act
// then, as the goroutines of a real one do, and it goes on with what it read before.
type passing struct {
	daemon *daemon
	next   func() (struct{}, bool)
	stop   func()
	leave  func(struct{}) bool // called in the pass; false: it never goes on
	out    int                 // turns that it sits out
	again  bool
	err    error
}

// dropped is what a pass panics with that was left when its daemon died.
type dropped struct{}

func (d *daemon) begin(s withdrawal.Step) *passing {
	p := &passing{daemon: d}
	p.next, p.stop = iter.Pull(func(leave func(struct{}) bool) {
		p.leave = leave
		p.again, p.err = s.Pass(context.Background())
	})
	return p
}

// goOn makes the pass, or what is left of it. It says whether it is left again.
func (p *passing) goOn() (left bool) {
	d := p.daemon
	d.acts = p
	defer func() { d.acts = nil }()
	_, left = p.next()
	return left
}

// drop ends a pass that was left, as the death of its process does.
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
	if !p.leave(struct{}{}) {
		panic(dropped{})
	}
}
