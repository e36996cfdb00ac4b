package nonce

import (
	"context"
	"time"

	"coffer.internal/internal/fault"
)

// devicesFor is how long an answer about the reachable signing machines is used.
const devicesFor = time.Second

// devices are the signing machines that answered; any means that nobody has to.
type devices struct {
	any  bool
	held map[string]bool
	err  error // they could not be asked: nothing new can be chosen
}

func (d devices) reachable(device string) bool { return d.any || d.held[device] }

// deviceCache asks for the signing machines at most once a second, one caller at a time, so that a burst of callers is one
// question. A failure is kept as long: a machine that is down is not asked by each caller of a burst in turn.
type deviceCache struct {
	ask  func(context.Context) ([]string, error)
	now  func() time.Time
	turn chan struct{} // holds one token: whoever has it reads and writes last and at

	last devices
	at   time.Time
}

func newDeviceCache(ask func(context.Context) ([]string, error), now func() time.Time) *deviceCache {
	return &deviceCache{ask: ask, now: now, turn: make(chan struct{}, 1)}
}

// get never fails: an error is part of the answer, because a repeated request id is answered without any signing machine.
func (c *deviceCache) get(ctx context.Context) devices {
	if c.ask == nil {
		return devices{any: true}
	}
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return devices{err: ctx.Err()}
	}
	defer func() { <-c.turn }()
	if age := c.now().Sub(c.at); !c.at.IsZero() && age >= 0 && age < devicesFor {
		return c.last
	}
	names, err := c.ask(ctx)
	if ctx.Err() != nil {
		return devices{err: ctx.Err()} // this caller's own end says nothing about the machines
	}
	c.at = c.now()
	c.last = devices{held: make(map[string]bool, len(names))}
	for _, n := range names {
		c.last.held[n] = true
	}
	if err != nil {
		c.last = devices{err: fault.Wrap(err, fault.Unreachable, "signer_unreachable",
			"coffer-signer serve --passphrase-file FILE, then ask again with the same request id",
			"no wallet can be chosen, because the signing machine does not answer")}
	}
	return c.last
}
