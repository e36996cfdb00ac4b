package signer

import (
	"context"
	"net"
	"net/http"
	"sync"

	"coffer.internal/internal/signer/requestlog"
)

// codeMalformed is the code of what came over a connection and never became a request: it is no HTTP, its header is too long, or it was
// broken off or took too long before its header was there. net/http answers that by itself, if at all, and no handler hears of it.
const codeMalformed = "malformed_http"

// talk is what is known of what is said over one connection.
type talk struct {
	mu        sync.Mutex
	caller    Caller
	began     bool // something came over it
	asked     bool // something came that no handler was given
	answering bool // a handler answers
	answered  bool // net/http answered by itself
}

// longestAlert is beyond what TLS says by itself over a connection that is open: an alert, a change of keys.
const longestAlert = 64

// wrote notes what goes out while no handler answers. The handshake is over by then: something came.
func (t *talk) wrote(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered = t.answered || t.began && !t.answering && n > longestAlert
}

// moved notes what net/http says of a connection.
func (t *talk) moved(to http.ConnState, who Caller) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch to {
	case http.StateActive:
		t.began, t.asked = true, true
		if who.Who != "" {
			t.caller = who
		}
	case http.StateIdle:
		t.answering = false
	}
}

// handled notes that a handler has the request.
func (t *talk) handled() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked, t.answering = false, true
}

// unheard says whether something came that no handler was given, and from whom.
func (t *talk) unheard() (Caller, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.caller, t.asked || t.answered
}

// talkKey is under what a request's context has its talk.
type talkKey struct{}

// talkOf is the talk over a connection of a bounded listener.
func talkOf(c net.Conn) *talk {
	for {
		if b, ok := c.(*boundedConn); ok {
			return &b.talk
		}
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return new(talk)
		}
		c = w.NetConn()
	}
}

// hearing has a server leave a line also of what never became a request. who says whose connection it is, when something came over it;
// nil: its context does. Its listener is bounded.
func (o observer) hearing(ctx context.Context, web *http.Server, who func(net.Conn) Caller) *http.Server {
	inner := web.ConnContext
	web.DisableGeneralOptionsHandler = true // `OPTIONS *` is a request like any other
	web.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		t := talkOf(c)
		if inner != nil {
			ctx = inner(ctx, c)
			t.caller, _ = ctx.Value(callerKey{}).(Caller)
		}
		return context.WithValue(ctx, talkKey{}, t)
	}
	web.ConnState = func(c net.Conn, to http.ConnState) {
		t := talkOf(c)
		switch to {
		case http.StateActive:
			var from Caller
			if who != nil {
				from = who(c)
			}
			t.moved(to, from)
		case http.StateIdle:
			t.moved(to, Caller{})
		case http.StateClosed:
			if from, missed := t.unheard(); missed && ctx.Err() == nil { // a machine that stops takes no more requests
				o.unheard(from)
			}
		}
	}
	return web
}

// unheard keeps the line of what never became a request.
func (o observer) unheard(from Caller) {
	l := requestlog.Line{
		Who: from.Who, Role: string(from.Role), From: from.From, Code: codeMalformed,
		Detail: "what came is no HTTP request, or its header was too long, too slow, or broken off",
	}
	o.meter.request(l)
	if err := o.keep(l); err != nil {
		o.log.Error("no HTTP request", "from", from.From, "who", from.Who, "error", err)
	}
}
