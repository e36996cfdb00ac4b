package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"coffer.internal/demo/recount"
)

// tally is what became of one fault.
type tally struct {
	strikes    int
	threatened int
	longest    time.Duration // from a strike until its part was mended
}

// report is what a run ends with.
type report struct {
	mu      sync.Mutex // of the tallies
	seed    uint64
	faults  []fault
	tallies map[string]*tally
	counts  map[string]recount.Count // by the chain's name
	again   int                      // withdrawals handed in again by their callers
	paid    int
	ended   map[string]int
	alarms  map[string]int // how often each kind was raised
	lasting []string       // those that only a person ends
	drained time.Duration  // from the moment when all was healthy until the last payment ended
	took    time.Duration
	rate    float64
}

// struck notes one strike.
func (r *report) struck(name string, threatened int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally(name)
	t.strikes++
	t.threatened += threatened
	t.longest = max(t.longest, took)
}

func (r *report) tally(name string) *tally {
	if r.tallies[name] == nil {
		r.tallies[name] = &tally{}
	}
	return r.tallies[name]
}

// sum is the counts of both chains together.
func (r *report) sum() (c recount.Count) {
	for _, n := range r.counts {
		c.Asked += n.Asked
		c.PaidOnce += n.PaidOnce
		c.PaidTwice += n.PaidTwice
		c.Lost += n.Lost
		c.Unasked += n.Unasked
		c.SkippedNonces += n.SkippedNonces
		c.Wallets += n.Wallets
	}
	return c
}

// verdict is nil if every payment arrived exactly once, and every fault struck as often and hard as it was to.
func (r *report) verdict(s settings) error {
	c := r.sum()
	if c.PaidOnce != c.Asked || c.PaidTwice+c.Lost+c.Unasked != 0 || c.SkippedNonces != 0 {
		return fmt.Errorf("not every withdrawal was paid exactly once: %+v", c)
	}
	if r.ended["paid"] != c.Asked {
		return fmt.Errorf("the chains say that all were paid, the ledger says %v", r.ended)
	}
	if len(r.lasting) > 0 {
		return fmt.Errorf("alarms that wait for a person, though nobody else used a key: %v", r.lasting)
	}
	for _, f := range r.faults {
		if t := r.tally(f.name); t.strikes < s.rounds || t.threatened < s.threatened {
			return fmt.Errorf("%s struck %d times and threatened %d payments, which proves little", f.name, t.strikes, t.threatened)
		}
	}
	return nil
}

func (r *report) print(w io.Writer) {
	if len(r.faults) > 0 {
		fmt.Fprintf(w, "\n%-22s  %7s  %10s  %7s  %s\n", "fault", "strikes", "threatened", "longest", "what it threatens")
	}
	strikes := 0
	for _, f := range r.faults {
		t := r.tally(f.name)
		strikes += t.strikes
		fmt.Fprintf(w, "%-22s  %7d  %10d  %6.1fs  %s\n", f.name, t.strikes, t.threatened, t.longest.Seconds(), f.threat)
	}
	c := r.sum()
	fmt.Fprintf(w, "\ncounted on both chains, block by block, by code that imports nothing of coffer's: asked %d, paid once %d, not asked for %d, "+
		"skipped nonces %d, out of %d wallets\n", c.Asked, c.PaidOnce, c.Unasked, c.SkippedNonces, c.Wallets)
	fmt.Fprintf(w, "handed in again by their callers %d; %.0f payments a second; all had ended %.1f s after all parts were healthy\n",
		r.again, r.rate, r.drained.Seconds())
	fmt.Fprintf(w, "alarms raised %v\n", r.alarms)
	fmt.Fprintf(w, "chaos: seed %d: %d payments, %d faults, %d strikes in %s: %d paid twice, %d lost\n",
		r.seed, c.Asked, len(r.faults), strikes, r.took.Round(time.Second), c.PaidTwice, c.Lost)
}
