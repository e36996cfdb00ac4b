package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// hourly is how many payments the signing machine signs within any hour.
func (p plan) hourly() int {
	if p.strikes[limitReached] > 0 {
		return scarce
	}
	return ample
}

// longest is how far time jumps when all is well. A payment takes several passes; where many wait for their hour, these are not to take it.
func (p plan) longest() time.Duration {
	if p.hourly() == scarce {
		return 5 * time.Minute
	}
	return time.Hour
}

// epoch is when every run begins.
var epoch = time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)

// plan is what a seed decides before anything happens.
type plan struct {
	nodes, daemons, wallets int
	payments                int
	confirmations           int
	finalized               bool
	bumpAfter               time.Duration    // when fees are raised; 0: never by themselves
	headMaxAge              time.Duration    // how old the newest block may be; 0: any age
	chance                  map[kind]float64 // of a fault at one call
	strikes                 map[kind]int     // how many times a fault of the world strikes
	troubles                time.Duration    // for how long there are faults
	scene                   bool             // a fixed story instead of what the seed draws
	crashAt                 int              // the durable step at which the daemon crashes; 0: at none
}

// draw makes the plan of a seed. Most seeds have few kinds of faults, and those often: many at once hide each other.
func draw(rng *rand.Rand) plan {
	p := plan{
		nodes: 1 + 2*rng.IntN(2), daemons: 1 + rng.IntN(3), wallets: 1 + rng.IntN(maxWallets), payments: 2 + rng.IntN(7),
		confirmations: 2 + rng.IntN(2), finalized: rng.IntN(5) == 0, bumpAfter: time.Duration(15+rng.IntN(45)) * time.Second,
		chance: map[kind]float64{}, strikes: map[kind]int{}, troubles: time.Duration(2+rng.IntN(8)) * time.Minute,
	}
	for _, k := range pick(rng, callFaults, 1+rng.IntN(4)) {
		p.chance[k] = []float64{0.01, 0.03, 0.1, 0.25}[rng.IntN(4)]
	}
	if c := p.chance[frozen]; c > 0 {
		p.chance[frozen] = min(c, 0.02)
	}
	if c := p.chance[crashed]; c > 0 {
		p.chance[crashed] = min(c, 0.1)
	}
	for _, k := range pick(rng, worldFaults, 1+rng.IntN(5)) {
		p.strikes[k] = 1 + rng.IntN(3)
	}
	if rng.IntN(2) == 0 {
		p.headMaxAge = time.Duration(60+rng.IntN(120)) * time.Second
	}
	for _, k := range pick(rng, operatorDoes, rng.IntN(3)) {
		p.strikes[k] = 1 + rng.IntN(3)
	}
	if rng.IntN(3) == 0 { // somebody has to see what the operator does about it
		p.strikes[foreign]++
	}
	return p
}

// companions are what must happen too, or a kind of fault could do no harm: what was said to be paid would be paid in the end.
var companions = map[kind]map[kind]int{
	nodeInvents:      {blocksStop: 4, poolCleared: 8},
	poolCleared:      {blocksStop: 4},
	poolDropped:      {blocksStop: 4},
	clockAhead:       {blocksStop: 2, poolCleared: 8},
	overtaken:        {blocksStop: 4, poolCleared: 4, operatorBumps: 2, operatorCancels: 2},
	operatorRequeues: {foreign: 2, foreignGone: 4},
	operatorGivesUp:  {foreign: 2, foreignGone: 4},
	operatorLifts:    {foreign: 3},
}

// alone is the plan of a seed in which one kind of fault strikes often, and no other: what another would mend is seen then.
func alone(rng *rand.Rand, k kind) plan {
	p := draw(rng)
	p.nodes, p.bumpAfter, p.headMaxAge = 3, 0, 0
	p.payments, p.troubles = 8, 5*time.Minute
	p.chance, p.strikes = map[kind]float64{}, map[kind]int{}
	switch {
	case k == frozen:
		p.chance[k] = 0.02
	case k == crashed:
		p.chance[k] = 0.05
	case slices.Contains(callFaults, k):
		p.chance[k] = 0.2
	default:
		p.strikes[k] = 5
	}
	for other, n := range companions[k] {
		p.strikes[other] = n
	}
	if k == overtaken {
		p.bumpAfter = 15 * time.Second // else the mend step has little to do
	}
	if k == clockAhead {
		p.chance[nodeNoJSON] = 0.1
	}
	return p
}

func pick(rng *rand.Rand, all []kind, n int) []kind {
	all = slices.Clone(all)
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}
