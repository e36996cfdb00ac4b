package signer

import (
	"sync"
	"time"
)

// throttle keeps those who are not let in from filling the disk with the lines that say so: of each kind it lets twenty pass at once and
// ten in a second, and counts the others.
type throttle struct {
	rate *limiter

	mu   sync.Mutex
	held map[string]int
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{rate: newLimiter(10, now), held: map[string]int{}}
}

// pass says whether the next line of a kind may be written, and how many were not before it.
func (t *throttle) pass(kind string) (held int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.rate.take(kind, 1) {
		t.held[kind]++
		return 0, false
	}
	held = t.held[kind]
	delete(t.held, kind)
	return held, true
}
