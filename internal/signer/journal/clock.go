package journal

import (
	"encoding/binary"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// clock is the time by which limits are counted. Inside a process it moves with the monotonic clock, from the wall clock's time at the
// start; it never goes back, and over a restart never below the last time that was journaled. So a wall clock that jumps opens no limit
// while the machine serves. One that was set ahead before a start does: limits then count too little until it is right again.
type clock struct {
	now     func() time.Time     // the wall clock
	elapsed func() time.Duration // since the start, by the monotonic clock

	mu   sync.Mutex
	last time.Time
	base time.Time // the journal's time at start
}

// newClock starts a clock; the last time that was journaled is known.
func newClock(now func() time.Time, journaled time.Time) *clock {
	start := now()
	c := &clock{now: now, elapsed: func() time.Duration { return now().Sub(start) }} // both have their monotonic reading
	c.base = start.Round(0)                                                          // without it
	if journaled.After(c.base) {
		c.base = journaled
	}
	c.last = c.base
	return c
}

// read is the journal's time, and the wall clock's, or the journal's if that is later. By the later one authorizations are judged: one
// that is expired by either clock is.
func (c *clock) read() (journal, latest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.base.Add(c.elapsed()); t.After(c.last) {
		c.last = t
	}
	journal, latest = c.last.UTC(), c.last.UTC()
	if wall := c.now().Round(0); wall.After(latest) {
		latest = wall.UTC()
	}
	return journal, latest
}

// Time is the journal's time, and the wall clock's if that is later.
func (j *Journal) Time() (at, latest time.Time) { return j.clock.read() }

// lastTime is what was journaled last; zero: nothing was since there are limits.
func lastTime(tx *bolt.Tx) time.Time {
	s := count(tx.Bucket(meta), metaTime)
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}

// keepTime journals the time of a change.
func keepTime(tx *bolt.Tx, at time.Time) error {
	return tx.Bucket(meta).Put(metaTime, binary.BigEndian.AppendUint64(nil, uint64(at.Unix())))
}
