package evm_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"coffer.internal/internal/chain/evm"
)

// carrier notes which hosts it was given requests for, and that there was never more than one at a time.
type carrier struct {
	mu    sync.Mutex
	busy  bool
	twice bool
	hosts []string
}

func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.twice = c.twice || c.busy
	c.busy = true
	c.hosts = append(c.hosts, r.URL.Host)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.busy = false
	}()
	return http.DefaultTransport.RoundTrip(r)
}

func TestNodesAreAskedOneAfterTheOtherThroughTheTransportThatWasGiven(t *testing.T) {
	w := newTown(t, startGeth)
	p, _ := second(t, w)
	carry := &carrier{}
	c, err := evm.New(evm.Options{
		ChainID: w.ChainID, RPC: []string{w.proxy.URL(), p.URL()}, Confirmations: confirmations, Transport: carry, OneByOne: true,
	})
	must(t, err)
	t.Cleanup(c.Close)
	must(t, c.Identify(t.Context()))
	w.count(t, c)
	one, two := w.proxy.URL()[len("http://"):], p.URL()[len("http://"):]
	if want := []string{one, two, one, two}; !slices.Equal(carry.hosts, want) || carry.twice {
		t.Errorf("asked %v (at once: %v), not %v", carry.hosts, carry.twice, want)
	}
}
