package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// walletRef is a wallet as a way addresses it.
type walletRef struct {
	id      int64
	address string
}

// errNone is what a way returns when a caller ran out of tries and got no nonce.
var errNone = errors.New("no nonce after all tries")

// way is one method to hand out nonces.
type way struct {
	name  string
	base  bool // the other ways' rates are given as a ratio to this one
	alloc func(ctx context.Context, w walletRef, caller, turn int) error
	check func(ctx context.Context, ws []walletRef, done int) error // nil: it keeps no ledger to check
}

// result is what one load came to.
type result struct {
	done, none int
	took       time.Duration
	latencies  []time.Duration
}

func (r result) rate() float64 { return float64(r.done) / r.took.Seconds() }

// failed is how many of a hundred callers got no nonce.
func (r result) failed() float64 { return 100 * float64(r.none) / float64(max(1, r.done+r.none)) }

func (r result) p99() time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	slices.Sort(r.latencies)
	return r.latencies[len(r.latencies)*99/100]
}

// load lets callers ask one way, each again and again until the time is over, each on its wallet.
func load(ctx context.Context, w way, ws []walletRef, callers int, length time.Duration) (result, error) {
	var mu sync.Mutex
	var total result
	var failure error
	var wg sync.WaitGroup
	start := time.Now()
	for c := range callers {
		wg.Go(func() {
			var mine result
			var err error
			for turn := 0; time.Since(start) < length && ctx.Err() == nil; turn++ {
				began := time.Now()
				err = w.alloc(ctx, ws[c%len(ws)], c, turn)
				if errors.Is(err, errNone) {
					mine.none++
					err = nil
					continue
				}
				if err != nil {
					break
				}
				mine.done++
				mine.latencies = append(mine.latencies, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			total.done += mine.done
			total.none += mine.none
			total.latencies = append(total.latencies, mine.latencies...)
			failure = errors.Join(failure, err)
		})
	}
	wg.Wait()
	total.took = time.Since(start)
	return total, errors.Join(failure, ctx.Err())
}
