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
	"coffer.internal/signing"
)

const (
	// maxBody is what a full request of the longest intents takes.
	maxBody = wire.MaxIntents*(wire.MaxIntent+1) + 1<<10
	// maxSigning is how many sign requests are read and worked on at a time; the others wait.
	maxSigning = 64
	// graceful is how long a stop waits for what is under way.
	graceful = 10 * time.Second
)

// Server lets a machine be asked over HTTP.
type Server struct {
	machine *Machine
	log     *slog.Logger
	signing chan struct{} // holds one token for each sign request that is worked on
}

// NewServer makes a server. Nothing it logs is secret.
func NewServer(m *Machine, log *slog.Logger) *Server {
	return &Server{machine: m, log: log, signing: make(chan struct{}, maxSigning)}
}

// Handler answers requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+wire.PathSign, s.sign)
	mux.HandleFunc("POST "+wire.PathKeys, s.newKey)
	mux.HandleFunc("POST "+wire.PathFind, s.findKey)
	mux.HandleFunc("GET "+wire.PathStatus, s.status)
	mux.HandleFunc("POST "+wire.PathLock, s.lock)
	return mux
}

// Serve answers on a listener until ctx ends; what is under way then is finished. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	web := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
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

func (s *Server) sign(w http.ResponseWriter, r *http.Request) {
	select {
	case s.signing <- struct{}{}:
		defer func() { <-s.signing }()
	case <-r.Context().Done():
		return
	}
	var req wire.SignRequest
	if err := read(w, r, &req); err != nil {
		s.fail(w, err)
		return
	}
	intents, err := parse(req.Intents)
	if err != nil {
		s.fail(w, err)
		return
	}
	answers, err := s.machine.Sign(r.Context(), intents)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := wire.SignAnswers{Answers: make([]wire.SignAnswer, len(answers))}
	for i, a := range answers {
		out.Answers[i] = wire.SignAnswer{Digest: a.Digest.String(), Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal}
		if a.Refusal != nil {
			s.log.Warn("refused", "digest", a.Digest, "kind", a.Refusal.Kind, "code", a.Refusal.Code, "reason", a.Refusal.Reason)
		}
	}
	s.answer(w, out)
}

func parse(raws []json.RawMessage) ([]signing.Intent, error) {
	if len(raws) > wire.MaxIntents {
		return nil, fault.New(fault.Usage, "too_many_intents", "send them in several requests", "%d intents in one request; at most %d", len(raws), wire.MaxIntents)
	}
	intents := make([]signing.Intent, len(raws))
	for i, raw := range raws {
		if len(raw) > wire.MaxIntent {
			return nil, fault.New(fault.Usage, "long_intent", "", "intent %d is %d bytes long; at most %d", i, len(raw), wire.MaxIntent)
		}
		var err error
		if intents[i], err = signing.Parse(raw); err != nil {
			return nil, fault.Wrap(err, fault.Usage, "bad_intent", "coffer and coffer-signer must be of versions that know each other", "intent %d", i)
		}
	}
	return intents, nil
}

func (s *Server) newKey(w http.ResponseWriter, r *http.Request) {
	var req signing.KeyRequest
	if err := read(w, r, &req); err != nil {
		s.fail(w, err)
		return
	}
	k, err := s.machine.NewKey(r.Context(), req)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.log.Info("key", "address", k.Address, "path", k.Path, "ledger", req.Ledger)
	s.answer(w, k)
}

func (s *Server) findKey(w http.ResponseWriter, r *http.Request) {
	var req wire.FindRequest
	if err := read(w, r, &req); err != nil {
		s.fail(w, err)
		return
	}
	k, ok, err := s.machine.FindKey(r.Context(), req.Ledger, req.ChainType, req.Address)
	if err != nil {
		s.fail(w, err)
		return
	}
	var found wire.FindAnswer
	if ok {
		found.Key = &k
	}
	s.answer(w, found)
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.machine.Status(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, st)
}

func (s *Server) lock(w http.ResponseWriter, _ *http.Request) {
	already := s.machine.Lock()
	s.log.Warn("locked: nothing is signed until it is served again")
	s.answer(w, wire.LockAnswer{AlreadyLocked: already})
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
		return fault.Wrap(err, fault.Usage, "bad_request", "", "read the request")
	}
	return nil
}

func (s *Server) answer(w http.ResponseWriter, v any) { s.send(w, http.StatusOK, v) }

func (s *Server) send(w http.ResponseWriter, status int, v any) {
	body, err := wire.Encode(v)
	if err != nil {
		s.log.Error("encode an answer", "error", err)
		status, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked has gone, if this fails, and will ask again
}

// fail tells what went wrong, as a fault without its wrapping.
func (s *Server) fail(w http.ResponseWriter, err error) {
	d := wire.Details{Code: fault.Code(err), Message: err.Error(), Hint: fault.Hint(err)}
	var f *fault.Error
	if errors.As(err, &f) {
		d.Message = f.Error()
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError && d.Code != wire.CodeLocked {
		s.log.Error(d.Message, "code", d.Code)
	}
	s.send(w, status, wire.Problem{Error: d})
}

// statusOf is the HTTP status of a fault's kind.
func statusOf(err error) int {
	switch {
	case errors.Is(err, fault.Usage):
		return http.StatusBadRequest
	case errors.Is(err, fault.NotAllowed):
		return http.StatusForbidden
	case errors.Is(err, fault.Refused):
		return http.StatusConflict
	case errors.Is(err, fault.Unreachable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
