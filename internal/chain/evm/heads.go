package evm

import (
	"context"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"

	"coffer.internal/internal/chain"
)

var _ chain.Heads = (*Chain)(nil)

// After a connection that broke, the next one is tried after firstWait, then after twice as long each time, up to longestWait.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
)

// Heads calls heard, from one goroutine at a time, when a node tells of a new block. It is a hint that there may be news: nothing that
// comes over a websocket is believed, so nothing is lost with it either.
func (c *Chain) Heads(ctx context.Context, heard func()) {
	var one sync.Mutex
	var all sync.WaitGroup
	for _, url := range c.ws {
		all.Go(func() {
			listen(ctx, url, func() {
				one.Lock()
				defer one.Unlock()
				heard()
			})
		})
	}
	all.Wait()
}

// listen connects again and again until ctx ends.
func listen(ctx context.Context, url string, heard func()) {
	wait := firstWait
	for ctx.Err() == nil {
		if subscribed(ctx, url, heard) {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, longestWait)
		}
	}
}

// subscribed hears new heads until the connection breaks or ctx ends, and says whether any came. With each connection there may be
// news at once: of the time in which there was none.
func subscribed(ctx context.Context, url string, heard func()) (any bool) {
	dialing, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	client, err := rpc.DialOptions(dialing, url)
	if err != nil {
		return false
	}
	defer client.Close()
	heads := make(chan struct{}, 16) // what is in them is not looked at
	sub, err := client.EthSubscribe(dialing, heads, "newHeads")
	if err != nil {
		return false
	}
	defer sub.Unsubscribe()
	heard()
	for {
		select {
		case <-ctx.Done():
			return any
		case <-sub.Err():
			return any
		case <-heads:
			any = true
			heard()
		}
	}
}
