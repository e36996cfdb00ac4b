package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// tally adds up results. Its parts come from other processes, as JSON.
type tally struct {
	Seeds, Payments, Paid, Twice, Lost, Skipped, Reviews, Caused int
	Points                                                       int // crash points of the scenes that were played
	Hits                                                         map[kind]int
	Crashes                                                      map[string]int
	Named                                                        map[string]bool // the crash points of the scenes
	Failed                                                       []failure
}

// failure is a run that failed.
type failure struct {
	Seed  uint64
	Wrong []string
	Tail  []string // the end of its trace
	Again string   // how to play it again
}

func newTally() *tally {
	return &tally{Hits: map[kind]int{}, Crashes: map[string]int{}, Named: map[string]bool{}}
}

func (s *tally) add(r result) {
	one := tally{
		Seeds: 1, Payments: r.payments, Paid: r.count.Paid, Twice: r.count.Twice, Lost: r.count.Lost, Skipped: r.count.Skipped,
		Reviews: r.reviews, Caused: r.caused, Hits: r.hits, Crashes: r.crashes,
	}
	if len(r.wrong) > 0 {
		one.Failed = []failure{r.failure()}
	}
	s.join(&one)
}

// join adds what another tally has.
func (s *tally) join(o *tally) {
	s.Seeds += o.Seeds
	s.Payments += o.Payments
	s.Paid += o.Paid
	s.Twice += o.Twice
	s.Lost += o.Lost
	s.Skipped += o.Skipped
	s.Reviews += o.Reviews
	s.Caused += o.Caused
	s.Points += o.Points
	add(s.Hits, o.Hits)
	add(s.Crashes, o.Crashes)
	maps.Copy(s.Named, o.Named)
	s.Failed = append(s.Failed, o.Failed...)
}

func add[K comparable](to, from map[K]int) {
	for k, n := range from {
		to[k] += n
	}
}

// missing are the faults and crash points that were never hit.
func (s *tally) missing() (all []string) {
	for _, k := range slices.Concat(callFaults, worldFaults, operatorDoes) {
		if s.Hits[k] == 0 {
			all = append(all, string(k))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(s.Named)) {
		if s.Crashes[p] == 0 {
			all = append(all, "crash at "+p)
		}
	}
	return all
}

func (r result) failure() failure { return failure{r.seed, r.wrong, r.trace.last(), r.again} }

// show prints a failed run: the end of its trace, what is wrong, and how to see it again.
func (f failure) show(out io.Writer, trace bool) {
	if trace {
		fmt.Fprintf(out, "--- seed %d, the end of its trace:\n", f.Seed)
		for _, line := range f.Tail {
			fmt.Fprintln(out, line)
		}
	}
	for _, w := range f.Wrong {
		fmt.Fprintf(out, "seed %d: %s\n", f.Seed, w)
	}
	fmt.Fprintf(out, "again: %s\n", f.Again)
}
