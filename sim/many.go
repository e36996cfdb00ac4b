package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tally adds up results.
type tally struct {
	seeds, payments, paid, twice, lost, skipped, reviews, caused int
	hits                                                         map[kind]int
	crashes                                                      map[string]int
	named                                                        map[string]bool // the crash points of the scenes
	failed                                                       []result
}

func newTally() *tally {
	return &tally{hits: map[kind]int{}, crashes: map[string]int{}, named: map[string]bool{}}
}

func (s *tally) add(r result) {
	s.seeds++
	s.payments += r.payments
	s.paid += r.count.Paid
	s.twice += r.count.Twice
	s.lost += r.count.Lost
	s.skipped += r.count.Skipped
	s.reviews += r.reviews
	s.caused += r.caused
	for k, n := range r.hits {
		s.hits[k] += n
	}
	for p, n := range r.crashes {
		s.crashes[p] += n
	}
	if len(r.wrong) > 0 {
		s.failed = append(s.failed, r)
	}
}

// many plays the scenes and seeds, and prints what was hit.
func many(tpl *template, from, seeds uint64, out io.Writer) error {
	began := time.Now()
	s := newTally()
	points, err := scenes(tpl, s, 1)
	if err != nil {
		return err
	}
	if err := playMany(tpl, s, from, seeds); err != nil {
		return err
	}
	for i, r := range s.failed {
		r.show(out, i < 3)
	}
	for _, k := range slices.Concat(callFaults, worldFaults, operatorDoes) {
		fmt.Fprintf(out, "%8d  %s\n", s.hits[k], k)
	}
	for _, p := range slices.Sorted(maps.Keys(s.crashes)) {
		fmt.Fprintf(out, "%8d  crash at %s\n", s.crashes[p], p)
	}
	faults := 0
	for _, n := range s.hits {
		faults += n
	}
	missing := s.missing()
	for _, what := range missing {
		fmt.Fprintf(out, "never: %s\n", what)
	}
	fmt.Fprintf(out, "sim: seeds=%d payments=%d paid=%d twice=%d lost=%d skipped=%d needs_review=%d/%d faults=%d crash_points=%d time=%s\n",
		s.seeds, s.payments, s.paid, s.twice, s.lost, s.skipped, s.reviews, s.caused, faults, points, time.Since(began).Round(time.Second))
	if n := len(s.failed); n > 0 {
		return fmt.Errorf("%d runs of %d failed, the first is %s", n, s.seeds, s.failed[0].again)
	}
	if len(missing) > 0 && seeds >= enough {
		return fmt.Errorf("%d kinds of faults or crash points were never hit", len(missing))
	}
	return nil
}

// enough is how many seeds hit every kind of fault.
const enough = 1000

// missing are the faults and crash points that were never hit.
func (s *tally) missing() (all []string) {
	for _, k := range slices.Concat(callFaults, worldFaults, operatorDoes) {
		if s.hits[k] == 0 {
			all = append(all, string(k))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(s.named)) {
		if s.crashes[p] == 0 {
			all = append(all, "crash at "+p)
		}
	}
	return all
}

// playMany plays seeds on all processors.
func playMany(tpl *template, s *tally, from, seeds uint64) error {
	var next atomic.Uint64
	var mu sync.Mutex
	var all sync.WaitGroup
	var first error
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= seeds {
					return
				}
				r, err := playSeed(tpl, from+i, nil, nil)
				r.again = fmt.Sprintf("go run ./sim -seed %d -v", from+i)
				mu.Lock()
				if err != nil && first == nil {
					first = err
				}
				s.add(r)
				if len(r.wrong) > 0 {
					fmt.Fprintf(os.Stderr, "seed %d: %s\n", r.seed, r.wrong[0])
				}
				if n := i + 1; n%1000 == 0 && seeds > 1000 {
					fmt.Fprintf(os.Stderr, "%d of %d seeds\n", n, seeds)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.SortFunc(s.failed, func(a, b result) int { return int(a.seed) - int(b.seed) })
	return first
}

// show prints a failed seed: the end of its trace, what is wrong, and how to see it again.
func (r result) show(out io.Writer, trace bool) {
	if trace {
		fmt.Fprintf(out, "--- seed %d, the end of its trace:\n", r.seed)
		for _, line := range r.trace.last() {
			fmt.Fprintln(out, line)
		}
	}
	for _, w := range r.wrong {
		fmt.Fprintf(out, "seed %d: %s\n", r.seed, w)
	}
	fmt.Fprintf(out, "again: %s\n", r.again)
}
