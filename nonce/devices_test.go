package nonce

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"coffer.internal/internal/fault"
)

func TestABurstAsksForTheSigningMachinesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := newDeviceCache(func(context.Context) ([]string, error) {
			asked++
			time.Sleep(time.Millisecond) // fake time: the socket
			return []string{"machine-1"}, nil
		}, time.Now)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if d := c.get(t.Context()); !d.reachable("machine-1") || d.reachable("machine-2") || d.err != nil {
					t.Errorf("got %+v", d)
				}
			})
		}
		wg.Wait()
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
		time.Sleep(2 * time.Second) // fake time: the answer is old
		c.get(t.Context())
		if asked != 2 {
			t.Errorf("after two seconds asked %d times, want twice", asked)
		}
	})
}

func TestACallerWhoGivesUpSaysNothingAboutTheMachines(t *testing.T) {
	down := true
	c := newDeviceCache(func(ctx context.Context) ([]string, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if down {
			return nil, errors.New("no such socket")
		}
		return []string{"machine-1"}, nil
	}, func() time.Time { return time.Unix(1, 0) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d := c.get(ctx); !errors.Is(d.err, context.Canceled) {
		t.Errorf("the caller who gave up got %+v", d)
	}
	down = false
	if d := c.get(t.Context()); d.err != nil || !d.reachable("machine-1") {
		t.Errorf("the next caller got %+v", d)
	}
}

func TestAMachineThatIsDownIsNotAskedByEachCaller(t *testing.T) {
	asked := 0
	c := newDeviceCache(func(context.Context) ([]string, error) {
		asked++
		return nil, errors.New("no such socket")
	}, func() time.Time { return time.Unix(1, 0) })
	for range 3 {
		if d := c.get(t.Context()); !errors.Is(d.err, fault.Unreachable) || fault.Hint(d.err) == "" {
			t.Errorf("got %+v", d)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}
