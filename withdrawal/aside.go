package withdrawal

import (
	"sync"
	"time"
)

// asides are payments that are left alone for a while though others are not: those that cannot be judged now, and those that the signing
// machine refused for now. Forgetting them, as a restart does, costs one more try.
type asides struct {
	mu  sync.Mutex // the sign step puts payments in, the bind step asks
	all map[string]aside
}

type aside struct {
	until time.Time
	wait  time.Duration
}

const (
	// asideFor is how long a payment is left alone that cannot be judged, so that it does not take the lowest nonce again and again.
	asideFor = 10 * time.Second
	// Each refusal costs a nonce, which is filled. So what was refused for now is left alone for refusedFor, and each time for twice as long
	// as before, up to refusedMost.
	refusedFor  = time.Minute
	refusedMost = 16 * time.Minute
)

// longer is how long something is left alone that is refused once more, after it was left alone for wait; 0: it was not.
func longer(wait time.Duration) time.Duration { return min(max(2*wait, refusedFor), refusedMost) }

// put leaves a payment alone that cannot be judged now.
func (a *asides) put(payment string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if was := a.all[payment]; was.wait < refusedFor {
		a.set(payment, aside{now.Add(asideFor), asideFor})
	}
}

// refused leaves a payment alone that the signing machine refused for now.
func (a *asides) refused(payment string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait := longer(a.all[payment].wait)
	a.set(payment, aside{now.Add(wait), wait})
}

func (a *asides) set(payment string, to aside) {
	if a.all == nil {
		a.all = map[string]aside{}
	}
	a.all[payment] = to
}

// signed forgets how often a payment was refused.
func (a *asides) signed(payment string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.all, payment)
}

// at says whether a payment is left alone now.
func (a *asides) at(payment string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	is, there := a.all[payment]
	// One that ends later than any could was put aside before the clock went back (F36).
	over := !now.Before(is.until) || is.until.Sub(now) > is.wait
	if there && over && is.wait < refusedFor {
		delete(a.all, payment) // how long a refused one waited is kept for the next time
	}
	return there && !over
}
