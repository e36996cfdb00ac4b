package main

import (
	"slices"
	"time"

	"coffer.internal/sim/world"
)

// event is something that happens at a time.
type event struct {
	at time.Time
	do func()
}

// at puts an event on the agenda. Of those at one time, the first put is the first to happen.
func (t *town) at(when time.Time, do func()) {
	i, _ := slices.BinarySearchFunc(t.agenda, when, func(e event, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	t.agenda = slices.Insert(t.agenda, i, event{when, do})
}

// soon puts one on it within so many seconds.
func (t *town) soon(seconds int, do func()) {
	t.at(t.clock.Add(time.Duration(1+t.rng.IntN(seconds))*time.Second), do)
}

// happen does what is due.
func (t *town) happen() {
	for len(t.agenda) > 0 && !t.agenda[0].at.After(t.clock) {
		e := t.agenda[0]
		t.agenda = t.agenda[1:]
		e.do()
	}
}

// round lets time pass, then has everybody who can do something do it, in an order that the seed draws.
func (t *town) round(d time.Duration, except *user) {
	t.pass(d)
	t.happen()
	if t.calm && d > time.Minute { // blocks are made meanwhile: the newest is a young one
		t.mine()
	}
	var turns []func()
	for _, d := range t.daemons {
		if &d.user == except {
			continue
		}
		if !d.alive {
			if t.clock.Before(d.until) {
				continue
			}
			d.start()
		}
		for _, s := range d.steps {
			if s.Name == "guard" && t.rng.IntN(4) > 0 {
				continue // it asks more than all others, and is in no hurry
			}
			if t.calm || t.plan.scene || t.rng.IntN(4) > 0 {
				turns = append(turns, func() {
					if d.alive {
						d.perform(s)
					}
				})
			}
		}
	}
	turns = append(turns, t.gossip)
	if t.calm || t.rng.IntN(3) > 0 {
		turns = append(turns, t.mine)
	}
	if !t.calm || t.rng.IntN(4) == 0 {
		t.rng.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	}
	for _, turn := range turns {
		turn()
	}
}

// mine makes a block on a node's head, and has the others follow it, now or a little later.
func (t *town) mine() {
	if t.stopped {
		return
	}
	n := t.world.Nodes[t.rng.IntN(len(t.world.Nodes))]
	head := t.head()
	n.Follow(head)
	b := n.Mine(t.first, t.othersGas())
	t.say("block %d of %s: %d transactions, base fee %s", b.Number, n.Name, len(b.Txs), b.BaseFee)
	for _, o := range t.world.Nodes {
		if t.calm || t.rng.IntN(4) > 0 {
			o.Follow(b)
		}
	}
}

// head is the longest branch that a node follows; of several the first.
func (t *town) head() *world.Block {
	head := t.world.Nodes[0].Head()
	for _, n := range t.world.Nodes[1:] {
		if n.Head().Number > head.Number {
			head = n.Head()
		}
	}
	return head
}

// othersGas is what strangers use of a block: half of it, more or less, or all when there is a crowd.
func (t *town) othersGas() uint64 {
	const half = 30_000_000
	if t.crowd > 0 {
		t.crowd--
		return 2 * half
	}
	if t.head().BaseFee.Cmp(gwei(2)) > 0 {
		return half / 3
	}
	return half/2 + uint64(t.rng.IntN(half))
}

// gossip carries what is in the pools, and the blocks, from node to node.
func (t *town) gossip() {
	head := t.head()
	for _, n := range t.world.Nodes {
		if t.calm || t.rng.IntN(2) == 0 {
			n.Follow(head)
		}
		n.AgePool()
	}
	if t.deaf {
		return
	}
	for _, n := range t.world.Nodes {
		for _, tx := range n.Pool() {
			for _, o := range t.world.Nodes {
				if o != n && !o.Has(tx.Hash()) && (t.calm || t.rng.IntN(2) == 0) {
					_ = o.Add(tx) // a pool may say no
				}
			}
		}
	}
}

// elsewhere is what happens while a daemon is frozen in the middle of a pass: some hours, for everybody else.
func (t *town) elsewhere(u *user) {
	acting := t.acting
	t.asleep, t.acting = true, nil
	d := []time.Duration{20 * time.Second, 3 * time.Minute, 2 * time.Hour, 8 * time.Hour}[t.rng.IntN(4)]
	u.say("falls asleep for %s", d)
	const rounds = 12
	for range rounds {
		t.round(d/rounds, u)
	}
	u.say("wakes up")
	t.asleep, t.acting = false, acting
}
