package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var shared *template

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if shared, err = makeTemplate(); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
	code := m.Run()
	shared.remove()
	os.Exit(code)
}

// good fails the test for every run that failed, with the end of the first one's trace.
func good(t *testing.T, s *tally) {
	t.Helper()
	for i, f := range s.Failed {
		var out bytes.Buffer
		f.show(&out, i == 0)
		t.Error(out.String())
	}
}

func TestNoPaymentIsPaidTwiceOrLostOrStuckInAnySeed(t *testing.T) {
	const seeds, some = 300, 50
	for from := uint64(1); from <= seeds; from += some {
		t.Run(fmt.Sprintf("from %d", from), func(t *testing.T) { // by itself, for the mutants
			n := uint64(some)
			if testing.Short() {
				n /= 10
			}
			s := newTally()
			if err := playMany(shared, s, from, n, whole); err != nil {
				t.Fatal(err)
			}
			good(t, s)
			if s.Payments < int(n) || s.Paid == 0 || len(s.Hits) < 10 {
				t.Errorf("that was no test: %d payments, %d paid, %d kinds of faults", s.Payments, s.Paid, len(s.Hits))
			}
		})
	}
}

func TestEachKindOfFaultAloneHarmsNothing(t *testing.T) {
	for _, k := range slices.Concat(callFaults, worldFaults, operatorDoes) {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			seeds := uint64(4) // fewer, and some kinds do not strike
			if k == overtaken {
				seeds = 60 // who has to be faster than whom is drawn each time
			}
			s := newTally()
			for seed := uint64(1); seed <= seeds; seed++ {
				p := alone(rand.New(rand.NewPCG(seed, 0)), k)
				r, err := playSeed(shared, seed, &p, nil)
				if err != nil {
					t.Fatal(err)
				}
				s.add(r)
			}
			good(t, s)
			if s.Hits[k] == 0 {
				t.Error("it did not strike")
			}
		})
	}
}

func TestACrashAtAnyDurableStepHarmsNothing(t *testing.T) {
	each := 5 // all of them are for make sim
	if testing.Short() {
		each = 41
	}
	s := newTally()
	if err := scenes(shared, s, each, whole); err != nil {
		t.Fatal(err)
	}
	good(t, s)
	if s.Points*each < 500 {
		t.Errorf("only %d crash points", s.Points*each)
	}
	for _, what := range s.missing() {
		if strings.HasPrefix(what, "crash at ") {
			t.Errorf("never: %s", what)
		}
	}
}

func TestASeedReplaysExactly(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		first, err := playSeed(shared, seed, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := playSeed(shared, seed, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if first.hash != again.hash || first.trace.n != again.trace.n {
			for i, line := range first.trace.last() {
				if other := again.trace.last(); i < len(other) && other[i] != line {
					t.Errorf("seed %d, first difference shown:\n%s\n%s", seed, line, other[i])
					break
				}
			}
			t.Errorf("seed %d: traces %016x of %d lines and %016x of %d", seed, first.hash, first.trace.n, again.hash, again.trace.n)
		}
	}
}

func TestEveryKindOfFaultHasAName(t *testing.T) {
	all := slices.Concat(callFaults, worldFaults)
	seen := map[kind]bool{}
	for _, k := range all {
		if seen[k] {
			t.Errorf("%s stands twice", k)
		}
		seen[k] = true
	}
	for k := range worldStrikes {
		if !slices.Contains(worldFaults, k) {
			t.Errorf("%s is never drawn", k)
		}
	}
	for _, k := range worldFaults {
		if worldStrikes[k] == nil && k != poolSmall && k != limitReached {
			t.Errorf("%s never strikes", k)
		}
	}
}

func TestTheSharesTogetherAreTheWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("plays twice what others play")
	}
	const seeds, each = 4, 1000
	want, got := newTally(), newTally()
	if err := playMany(shared, want, 1, seeds, whole); err != nil {
		t.Fatal(err)
	}
	for part := range 3 {
		var out bytes.Buffer
		if err := playPart(shared, 1, seeds, each, share{part, 3}, &out); err != nil {
			t.Fatal(err)
		}
		var s tally
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		got.join(&s)
	}
	if err := scenes(shared, want, each, whole); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("the whole is %+v, the shares together are %+v", want, got)
	}
}
