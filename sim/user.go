package main

import "fmt"

// user is whoever uses the database, the signing machine and the nodes: a daemon, or the customers' service. All faults that strike
// single calls strike through it.
type user struct {
	name  string
	town  *town
	step  string // what it is doing, for the names of crash points
	safe  bool   // nothing strikes it: it looks, at the end
	alive bool
	acts  *passing // the pass that acts; nil: none of a daemon's
}

// crash is what a daemon's pass panics with when it crashes.
type crash struct{ point string }

func (u *user) say(format string, args ...any) {
	u.town.trace.add(u.town.clock, "%s: %s", u.name, fmt.Sprintf(format, args...))
}

// strikes says whether a fault strikes this call, and counts it.
func (u *user) strikes(k kind) bool {
	if u.safe || u.town.calm {
		return false
	}
	c := u.town.plan.chance[k]
	if c == 0 || u.town.rng.Float64() >= c {
		return false
	}
	u.town.hit(k)
	u.say("! %s (%s)", k, u.step)
	return true
}

// before and after stand round every durable step: a commit, a question to the signing machine, a request to a node. At each, a
// daemon may die, or fall asleep while the world goes on.
func (u *user) before(what string) { u.point(what + ", before") }
func (u *user) after(what string)  { u.point(what + ", after") }

func (u *user) point(what string) {
	t := u.town
	if u.safe || u.step == "" {
		return
	}
	name := u.step + ": " + what
	t.points++
	if _, there := t.passed[name]; !there {
		t.passed[name] = t.points
	}
	if t.plan.crashAt == t.points {
		t.crashes[name]++
		u.say("! crashes at %s", name)
		panic(crash{name})
	}
	if u.strikes(crashed) {
		t.crashes[name]++
		panic(crash{name})
	}
	if !t.asleep && u.strikes(frozen) {
		t.elsewhere(u)
	}
}
