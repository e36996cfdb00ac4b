package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// share is a part of what is to be played: the part-th of so many.
type share struct{ part, of int }

var whole = share{0, 1}

func (s share) has(i uint64) bool { return i%uint64(s.of) == uint64(s.part) }

// many plays the scenes and seeds in as many processes as there are processors, and prints what was hit. Goroutines of one process would stand
// in each other's way: the translated SQLite has one lock for all memory.
func many(from, seeds uint64, out io.Writer) error {
	began := time.Now()
	s, err := inProcesses(runtime.GOMAXPROCS(0), from, seeds)
	if err != nil {
		return err
	}
	slices.SortFunc(s.Failed, func(a, b failure) int { return cmp.Compare(a.Seed, b.Seed) })
	for i, f := range s.Failed {
		f.show(out, i < 3)
	}
	for _, k := range slices.Concat(callFaults, worldFaults, operatorDoes) {
		fmt.Fprintf(out, "%8d  %s\n", s.Hits[k], k)
	}
	for _, p := range slices.Sorted(maps.Keys(s.Crashes)) {
		fmt.Fprintf(out, "%8d  crash at %s\n", s.Crashes[p], p)
	}
	faults := 0
	for _, n := range s.Hits {
		faults += n
	}
	missing := s.missing()
	for _, what := range missing {
		fmt.Fprintf(out, "never: %s\n", what)
	}
	fmt.Fprintf(out, "sim: seeds=%d payments=%d paid=%d twice=%d lost=%d skipped=%d needs_review=%d/%d faults=%d crash_points=%d time=%s\n",
		s.Seeds, s.Payments, s.Paid, s.Twice, s.Lost, s.Skipped, s.Reviews, s.Caused, faults, s.Points, time.Since(began).Round(time.Second))
	if n := len(s.Failed); n > 0 {
		return fmt.Errorf("%d runs of %d failed, the first is %s", n, s.Seeds, s.Failed[0].Again)
	}
	if len(missing) > 0 && seeds >= enough {
		return fmt.Errorf("%d kinds of faults or crash points were never hit", len(missing))
	}
	return nil
}

// inProcesses has processes of this program play a share each.
func inProcesses(n int, from, seeds uint64) (*tally, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	parts, errs := make([]tally, n), make([]error, n)
	for i := range n {
		all.Go(func() {
			c := exec.Command(self, "-from", fmt.Sprint(from), "-seeds", fmt.Sprint(seeds), "-part", fmt.Sprint(i), "-of", fmt.Sprint(n))
			c.Env, c.Stderr = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400"), os.Stderr
			said, err := c.Output()
			if err == nil {
				err = json.Unmarshal(said, &parts[i])
			}
			if err != nil {
				errs[i] = fmt.Errorf("part %d of %d: %w", i, n, err)
			}
		})
	}
	all.Wait()
	s := newTally()
	for i := range parts {
		s.join(&parts[i])
	}
	return s, errors.Join(errs...)
}

// playPart plays a share of the seeds and of the scenes, these at each nth crash point, and writes the tally.
func playPart(tpl *template, from, seeds uint64, each int, part share, out io.Writer) error {
	s := newTally()
	if err := scenes(tpl, s, each, part); err != nil {
		return err
	}
	if err := playMany(tpl, s, from, seeds, part); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(s)
}

// enough is how many seeds hit every kind of fault.
const enough = 1000

// playMany plays a share of seeds on all processors.
func playMany(tpl *template, s *tally, from, seeds uint64, part share) error {
	var next atomic.Uint64
	var mu sync.Mutex
	var all sync.WaitGroup
	var first error
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < seeds; i = next.Add(1) - 1 {
				if !part.has(i) {
					continue
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
	return first
}
