package evm_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/chain"
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

// gauge counts how many requests are on their way at a time.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	g.now++
	g.most = max(g.most, g.now)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.now--
	}()
	return http.DefaultTransport.RoundTrip(r)
}

// A node far away answers as late to one batch as to four: questions go out abreast, but the head and the counts are answered before any
// receipt is asked for, and bytes go out lowest nonce first.
func TestManyQuestionsGoOutAbreast(t *testing.T) {
	w := newTown(t, startGeth)
	w.proxy.Delay(20 * time.Millisecond)
	g := &gauge{}
	c, err := evm.New(evm.Options{ChainID: w.ChainID, RPC: []string{w.proxy.URL()}, Confirmations: confirmations, Transport: g})
	must(t, err)
	t.Cleanup(c.Close)
	must(t, c.Identify(t.Context()))
	tx := w.payment(t, c, "one", "")
	many := slices.Repeat([]chain.Tx{tx}, 450)
	g.most = 0
	c.Send(t.Context(), many)
	if g.most != 1 {
		t.Errorf("bytes went out %d batches abreast", g.most)
	}
	sightings, err := c.Watch(t.Context(), many)
	must(t, err)
	for i, s := range sightings {
		if s.Stage != chain.StageAbsent {
			t.Fatalf("%d: %+v", i, s)
		}
	}
	if g.most < 2 || g.most > 4 {
		t.Errorf("questions went out %d batches abreast", g.most)
	}
}
