package signer

import (
	"sync"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
)

// Rates are how much one caller may ask for in a second, on average. For a short while it may be twice that. They are there to keep a
// caller who went wild from taking the machine from the others, not to slow anybody down: coffer's own pace is far below.
type Rates struct {
	Requests int // requests per second, of all kinds
	Intents  int // intents per second; at least what one request may carry
}

// DefaultRates are those of a machine that was told nothing else.
var DefaultRates = Rates{Requests: 5000, Intents: 20_000}

// Check refuses rates under which nobody could work.
func (r Rates) Check() error {
	if r.Requests < 1 {
		return fault.New(fault.Usage, "bad_rate", "--max-requests 5000", "%d requests per second is too few", r.Requests)
	}
	if r.Intents < wire.MaxIntents {
		return fault.New(fault.Usage, "bad_rate", "--max-intents 20000", "%d intents per second: one request may carry %d", r.Intents, wire.MaxIntents)
	}
	return nil
}

// limiter is a token bucket for each caller.
type limiter struct {
	rate float64 // per second
	now  func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket // as many as there are users and certificates
}

type bucket struct {
	level float64
	at    time.Time
}

func newLimiter(perSecond int, now func() time.Time) *limiter {
	return &limiter{rate: float64(perSecond), now: now, buckets: map[string]*bucket{}}
}

// take takes n tokens of a caller, or none. A bucket holds what comes in in two seconds.
func (l *limiter) take(who string, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[who]
	if b == nil {
		b = &bucket{level: 2 * l.rate, at: now}
		l.buckets[who] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.level = min(2*l.rate, b.level+d.Seconds()*l.rate)
		b.at = now
	}
	if b.level < float64(n) {
		return false
	}
	b.level -= float64(n)
	return true
}

func rateLimited(who, what string, rate int) error {
	return fault.New(fault.Unreachable, wire.CodeRateLimited, "ask again in a second; coffer-signer serve --max-requests, --max-intents",
		"%s asks for more than %d %s per second", who, rate, what)
}
