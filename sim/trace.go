package main

import (
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"time"
)

// tail is how many lines of a trace are kept to be shown when a seed fails.
const tail = 120

// trace is what happened in a run, line by line. Two runs of a seed are the same if the hashes of their traces are.
type trace struct {
	sum   hash.Hash64
	lines []string // the last ones, in a ring
	n     int
	live  io.Writer // every line goes here as well; nil: nowhere
}

func newTrace(live io.Writer) *trace { return &trace{sum: fnv.New64a(), live: live} }

func (t *trace) add(at time.Time, format string, args ...any) {
	line := fmt.Sprintf("%s  %s", at.Format("02T15:04:05.000"), fmt.Sprintf(format, args...))
	_, _ = io.WriteString(t.sum, line) // a hash takes everything
	if len(t.lines) < tail {
		t.lines = append(t.lines, line)
	} else {
		t.lines[t.n%tail] = line
	}
	t.n++
	if t.live != nil {
		fmt.Fprintln(t.live, line)
	}
}

func (t *trace) last() []string {
	if t.n <= tail {
		return t.lines
	}
	at := t.n % tail
	return append(append([]string{}, t.lines[at:]...), t.lines[:at]...)
}
