// Package rpcproxy stands between a JSON-RPC client and a node and makes the connection bad: slow, cut after the node has
// heard, dead, or lying. For the demo and the tests, never for the programs.
package rpcproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Proxy forwards requests to one node. Its methods may be called from many goroutines, and hold for requests that come later.
type Proxy struct {
	target string
	server *http.Server
	url    string
	client *http.Client
	served chan struct{} // closed when the server has ended
	// ctx ends with the proxy, so that a delayed request does not hold up Close.
	ctx context.Context
	end context.CancelFunc

	mu      sync.Mutex
	delay   time.Duration
	refuse  bool
	dropped map[string]int
	held    map[string]chan struct{} // closed when they are let go
	calls   int
	lie     func(method string, result json.RawMessage) json.RawMessage
	fail    map[string]json.RawMessage
	heard   map[string]int
}

// Start listens on a free loopback port.
func Start(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		target: target, url: "http://" + l.Addr().String(), served: make(chan struct{}),
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		dropped: map[string]int{}, held: map[string]chan struct{}{}, heard: map[string]int{}, fail: map[string]json.RawMessage{},
	}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.server = &http.Server{Handler: p}
	go func() {
		defer close(p.served)
		p.server.Serve(l) // ends with ErrServerClosed, by Close
	}()
	return p, nil
}

// URL is where the proxy listens.
func (p *Proxy) URL() string { return p.url }

// Delay makes each request wait before it is forwarded; 0 ends that.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Hold keeps requests that carry a method, alone or in a batch, from the node until it is let go.
func (p *Proxy) Hold(method string) (letGo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.held[method] = held
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(held)
		if p.held[method] == held {
			delete(p.held, method)
		}
	}
}

// DropAnswers lets the node hear the next n requests that carry a method, alone or in a batch, and cuts the connection
// instead of answering.
func (p *Proxy) DropAnswers(method string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped[method] = n
}

// Refuse cuts every connection before the node hears of it, as if it were down.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = yes
}

// Lie passes each result to f and answers with what f makes of it; nil ends that. f is called from many goroutines.
func (p *Proxy) Lie(f func(method string, result json.RawMessage) json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = f
}

// Fail answers a method with an error object instead of its result; nil ends that.
func (p *Proxy) Fail(method string, err json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[method] = err
}

// Heard is how often the node was asked for a method.
func (p *Proxy) Heard(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard[method]
}

// Requests is how many HTTP requests the node got, each with one call or a batch of them.
func (p *Proxy) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Close ends the proxy and waits for what it was doing.
func (p *Proxy) Close() {
	p.end()
	p.server.Close() // an error of the listener: it is gone either way
	<-p.served
	p.client.CloseIdleConnections()
}

// ServeHTTP forwards one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	methods := methodsOf(body)
	refuse, delay, held := p.plan(methods)
	if refuse || !p.wait(r.Context(), delay) || !p.letGo(r.Context(), held) {
		panic(http.ErrAbortHandler) // the one way to cut the connection, says net/http
	}
	answer, status, err := p.forward(r, body, methods)
	if err != nil || p.drops(methods) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(p.bend(methods, answer)) // the client may be gone: that is its affair
}

func (p *Proxy) plan(methods map[string]string) (refuse bool, delay time.Duration, held []chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range methods {
		if h, ok := p.held[m]; ok && !slices.Contains(held, h) {
			held = append(held, h)
		}
	}
	return p.refuse, p.delay, held
}

// letGo waits until all that holds a request has let it go.
func (p *Proxy) letGo(ctx context.Context, held []chan struct{}) bool {
	for _, h := range held {
		select {
		case <-h:
		case <-ctx.Done():
			return false
		case <-p.ctx.Done():
			return false
		}
	}
	return true
}

func (p *Proxy) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	return false
}

// drops says whether this answer is one to be dropped, and counts it.
func (p *Proxy) drops(methods map[string]string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range methods {
		if p.dropped[m] > 0 {
			p.dropped[m]--
			return true
		}
	}
	return false
}

// forward lets the node hear the request, whether or not the client still waits.
func (p *Proxy) forward(r *http.Request, body []byte, methods map[string]string) ([]byte, int, error) {
	p.mu.Lock()
	p.calls++
	for _, m := range methods {
		p.heard[m]++
	}
	p.mu.Unlock()
	out, err := http.NewRequestWithContext(p.ctx, r.Method, p.target, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	out.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(out)
	if err != nil {
		return nil, 0, err
	}
	answer, err := io.ReadAll(resp.Body)
	return answer, resp.StatusCode, errors.Join(err, resp.Body.Close())
}
