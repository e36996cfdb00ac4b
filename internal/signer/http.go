package signer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
)

// graceful is how long a stop waits for what is under way.
const graceful = 10 * time.Second

// serve answers by a handler on a listener until ctx ends; what is under way then is finished. It closes the listener.
func serve(ctx context.Context, l net.Listener, log *slog.Logger, web *http.Server) error {
	web.ReadHeaderTimeout = 5 * time.Second
	web.ReadTimeout = 30 * time.Second
	web.WriteTimeout = time.Minute
	web.IdleTimeout = 2 * time.Minute
	web.MaxHeaderBytes = 16 << 10
	if web.ErrorLog == nil {
		web.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	err := web.Shutdown(stopping)
	if err != nil {
		err = errors.Join(err, web.Close())
	}
	<-served // always http.ErrServerClosed by now
	return err
}

// read takes one JSON document out of a request, strictly.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("data after its end")
		}
	}
	if err != nil {
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			return fault.New(fault.Usage, "long_request", "send it in several requests", "the request is longer than %d bytes", tooLong.Limit)
		}
		return fault.Wrap(err, fault.Usage, "bad_request", "", "read the request")
	}
	return nil
}

// replies is how handlers answer, and what they write into their log.
type replies struct{ log *slog.Logger }

func (r replies) answer(w http.ResponseWriter, v any) { r.send(w, http.StatusOK, v) }

func (r replies) send(w http.ResponseWriter, status int, v any) {
	body, err := wire.Encode(v)
	if err != nil {
		r.log.Error("encode an answer", "error", err)
		status, body = http.StatusInternalServerError, nil
	}
	if line := lineOf(w); line.Code == "" {
		line.Code = "ok"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked has gone, if this fails, and will ask again
}

// fail tells what went wrong, as a fault without its wrapping.
func (r replies) fail(w http.ResponseWriter, err error) { r.failWith(w, statusOf(err), err) }

func (r replies) failWith(w http.ResponseWriter, status int, err error) {
	d := wire.Details{Code: fault.Code(err), Message: err.Error(), Hint: fault.Hint(err)}
	if errors.Is(err, context.Canceled) {
		d.Code = codeGone
	}
	var f *fault.Error
	if errors.As(err, &f) {
		d.Message = f.Error()
	}
	line := lineOf(w)
	line.Code, line.Detail = d.Code, d.Message
	if status >= http.StatusInternalServerError && d.Code != wire.CodeLocked && d.Code != wire.CodeFrozen && d.Code != codeGone {
		r.log.Error(d.Message, "code", d.Code)
	}
	r.send(w, status, wire.Problem{Error: d})
}

// codeGone is the code of a request whose sender left before it was answered.
const codeGone = "gone"

// statusOf is the HTTP status of a fault's kind.
func statusOf(err error) int {
	switch {
	case errors.Is(err, fault.Usage):
		return http.StatusBadRequest
	case errors.Is(err, fault.NotAllowed):
		return http.StatusForbidden
	case errors.Is(err, fault.NotFound):
		return http.StatusNotFound
	case errors.Is(err, fault.Refused):
		return http.StatusConflict
	case errors.Is(err, fault.Unreachable), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func noSuchPath() error {
	return fault.New(fault.NotFound, "no_such_path", "coffer and coffer-signer must be of versions that know each other", "nothing is at this path")
}

func wrongMethod(r *http.Request, right string) error {
	return fault.New(fault.Usage, "wrong_method", right, "%s takes no %s", r.URL.Path, r.Method)
}
