package main

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"coffer.internal/signing"
)

// The scene is a short story in which everything happens that a payment can meet, without faults. Each durable step of it (a commit, a
// question to the signing machine, a request to a node) is numbered, before it and after it; then the scene is played once for each
// number, and the daemon crashes exactly there.

// scene is its plan; with two daemons, the other one goes on where the first crashed.
func scene(daemons, crashAt int) plan {
	return plan{
		nodes: 1, daemons: daemons, wallets: 2, payments: 6, confirmations: 2, bumpAfter: 20 * time.Second, chance: map[kind]float64{}, strikes: map[kind]int{},
		troubles: 105 * time.Second, scene: true, crashAt: crashAt,
	}
}

// sceneSeed draws the order in which turns are taken in the scene.
const sceneSeed = 1

// stage puts the story on the agenda.
func (t *town) stage() {
	for i, r := range t.office.requests[:5] {
		t.at(t.clock.Add(time.Duration(2+3*i)*time.Second), func() { t.office.submit(r) })
	}
	after := func(seconds int, do func()) { t.at(t.clock.Add(time.Duration(seconds)*time.Second), do) }
	after(12, func() { t.stopped = true })
	after(32, func() { t.office.bump(t.office.requests[4]) })
	after(32, func() { t.office.cancel(t.office.requests[3]) })
	after(45, func() { t.stopped = false })
	after(75, func() { t.stopped = true; t.office.submit(t.office.requests[5]) }) // its fees are raised by its age
	after(85, func() { t.crowd = 9 })
	after(90, func() { t.stopped = false })
	t.at(t.clock.Add(t.plan.troubles), t.heal)
}

// refusesInScene: the machine refuses the second payment for now, once, so that its nonce becomes a gap.
func (t *town) refusesInScene(i signing.Intent) bool {
	if !t.plan.scene || i.Payment != "p1" || t.refusedInScene {
		return false
	}
	t.refusedInScene = true
	return true
}

// scenes plays the scene at every crash point, or at each nth; of all that a share.
func scenes(tpl *template, s *tally, each int, part share) (err error) {
	var plans []plan
	for _, daemons := range sceneDaemons {
		p := scene(daemons, 0)
		r, err := playSeed(tpl, sceneSeed, &p, nil)
		if err != nil {
			return err
		}
		if part.part == 0 {
			s.addScene(r, p)
		}
		for at := 1; at <= r.points; at += each {
			plans = append(plans, scene(daemons, at))
		}
		for _, at := range slices.Sorted(maps.Values(r.passed)) { // a sample too meets every name
			if (at-1)%each != 0 {
				plans = append(plans, scene(daemons, at))
			}
		}
	}
	mine := plans[:0]
	for i, p := range plans {
		if part.has(uint64(i)) {
			mine = append(mine, p)
		}
	}
	s.Points = len(mine)
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(mine); i = int(next.Add(1)) - 1 {
				r, playErr := playSeed(tpl, sceneSeed, &mine[i], nil)
				mu.Lock()
				if playErr != nil {
					err = playErr
				}
				s.addScene(r, mine[i])
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return err
}

// sceneDaemons are with how many daemons the scene is played.
var sceneDaemons = []int{1, 2}

// addScene adds the result of a scene.
func (s *tally) addScene(r result, p plan) {
	r.again = fmt.Sprintf("go run ./sim -scene %d -crash %d -v", p.daemons, p.crashAt)
	s.add(r)
	if p.crashAt > 0 {
		return
	}
	for name := range r.passed {
		s.Named[name] = true
	}
}
