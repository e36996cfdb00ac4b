package signer

import (
	"log/slog"
	"net/http"
	"time"

	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/wire"
)

// observer keeps a line of every request in the machine's own log, before its answer goes out.
type observer struct {
	replies
	lines    *requestlog.Log // nil: none is kept
	meter    *Meter          // nil: nothing is counted
	now      func() time.Time
	repeated *throttle
}

func newObserver(log *slog.Logger, o ServerOptions) observer {
	return observer{replies: replies{log}, lines: o.Requests, meter: o.Meter, now: o.Now, repeated: newThrottle(o.Now)}
}

// observed wraps a handler: what it answers is held back until its line is written.
func (o observer) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t, ok := r.Context().Value(talkKey{}).(*talk); ok {
			t.handled()
		}
		began := o.now()
		c := callerOf(r)
		rec := &recorder{header: http.Header{}}
		rec.line = requestlog.Line{Who: c.Who, Role: string(c.Role), From: c.From, Method: r.Method, Path: r.URL.Path}
		defer func() {
			if p := recover(); p != nil { // net/http tells it, breaks the connection and serves on
				rec.line.Code, rec.line.Took = "panic", o.now().Sub(began)
				_ = o.keep(rec.line)
				panic(p)
			}
		}()
		next.ServeHTTP(rec, r)
		rec.line.Status, rec.line.Took = rec.status, o.now().Sub(began)
		if err := o.keep(rec.line); err != nil && !answeredAnyway[r.URL.Path] {
			rec.reset()
			o.fail(rec, err)
		}
		o.meter.request(rec.line)
		rec.leave(w)
	})
}

// answeredAnyway are the paths that are answered also when the log cannot be written: whoever looks at a machine in trouble, or stops it,
// must not be kept from that.
var answeredAnyway = map[string]bool{wire.PathStatus: true, wire.PathReport: true, wire.PathLock: true, wire.PathFreeze: true}

// keep writes a line. Of lines that somebody can have written as often as they like, only some are.
func (o observer) keep(l requestlog.Line) error {
	if o.lines == nil {
		return nil
	}
	if l.Code == wire.CodeRateLimited || l.Code == codeMalformed || l.Role == "" {
		var write bool
		if l.Suppressed, write = o.repeated.pass(l.Code + " " + l.Who); !write {
			return nil
		}
	}
	return o.lines.Append(l)
}

// ready says why the machine may not do anything that has to be logged, or nil.
func (o observer) ready() error {
	if o.lines == nil {
		return nil
	}
	return o.lines.Ready()
}

// recorder is an answer on its way.
type recorder struct {
	header http.Header
	status int
	body   []byte
	line   requestlog.Line
}

// Header is that of the answer.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader takes the status. The first one counts.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write takes some of the body.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, b...)
	return len(b), nil
}

func (r *recorder) reset() { r.status, r.body = 0, nil }

// leave sends the answer, if there is one.
func (r *recorder) leave(w http.ResponseWriter) {
	if r.status == 0 {
		return
	}
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // whoever asked has gone, if this fails, and will ask again
}

// lineOf is the log's line of the request that is answered with w.
func lineOf(w http.ResponseWriter) *requestlog.Line {
	if rec, ok := w.(*recorder); ok {
		return &rec.line
	}
	return new(requestlog.Line)
}
