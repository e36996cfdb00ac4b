package signer

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

const (
	// maxBody is what a full request of the longest intents takes.
	maxBody = wire.MaxIntents*(wire.MaxIntent+8<<10) + 1<<10
	// maxSigning is how many sign requests are read and worked on at a time; the others wait.
	maxSigning = 64
)

// Server lets a machine be asked over HTTP.
type Server struct {
	replies
	machine *Machine
	signing chan struct{} // holds one token for each sign request that is worked on
}

// NewServer makes a server. Nothing it logs is secret.
func NewServer(m *Machine, log *slog.Logger) *Server {
	return &Server{replies: replies{log}, machine: m, signing: make(chan struct{}, maxSigning)}
}

// Handler answers requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+wire.PathSign, s.sign)
	mux.HandleFunc("POST "+wire.PathKeys, s.newKey)
	mux.HandleFunc("POST "+wire.PathFind, s.findKey)
	mux.HandleFunc("POST "+wire.PathPayment, s.findPayment)
	mux.HandleFunc("GET "+wire.PathStatus, s.status)
	mux.HandleFunc("POST "+wire.PathLock, s.lock)
	return mux
}

// Serve answers on a listener until ctx ends; what is under way then is finished. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, s.log, &http.Server{Handler: s.Handler()})
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
	batch, err := parse(req)
	if err != nil {
		s.fail(w, err)
		return
	}
	answers, err := s.machine.Sign(r.Context(), batch)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := wire.SignAnswers{Answers: make([]wire.SignAnswer, len(answers))}
	for i, a := range answers {
		out.Answers[i] = wire.SignAnswer{Digest: a.Digest.String(), Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal, Receipt: a.Receipt}
		if a.Refusal != nil {
			s.log.Warn("refused", "digest", a.Digest, "kind", a.Refusal.Kind, "code", a.Refusal.Code, "reason", a.Refusal.Reason)
		}
	}
	s.answer(w, out)
}

func parse(req wire.SignRequest) (b signing.Batch, err error) {
	if n := len(req.Intents); n > wire.MaxIntents {
		return b, fault.New(fault.Usage, "too_many_intents", "send them in several requests", "%d intents in one request; at most %d", n, wire.MaxIntents)
	}
	if n := len(req.Authorizations); n > 0 && n != len(req.Intents) {
		return b, fault.New(fault.Usage, "bad_authorizations", "", "authorizations for %d intents, and there are %d", n, len(req.Intents))
	}
	if req.Held != nil {
		b.Held = *req.Held
	}
	b.Requests = make([]signing.Request, len(req.Intents))
	for i, raw := range req.Intents {
		if len(raw) > wire.MaxIntent {
			return b, fault.New(fault.Usage, "long_intent", "", "intent %d is %d bytes long; at most %d", i, len(raw), wire.MaxIntent)
		}
		r := &b.Requests[i]
		if r.Intent, err = signing.Parse(raw); err != nil {
			return b, fault.Wrap(err, fault.Usage, "bad_intent", "coffer and coffer-signer must be of versions that know each other", "intent %d", i)
		}
		if len(req.Authorizations) == 0 {
			continue
		}
		if r.Authorizations = req.Authorizations[i]; len(r.Authorizations) > wire.MaxAuthorizations {
			return b, fault.New(fault.Usage, "too_many_authorizations", "", "intent %d has %d authorizations; at most %d", i, len(r.Authorizations), wire.MaxAuthorizations)
		}
	}
	return b, nil
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

func (s *Server) findPayment(w http.ResponseWriter, r *http.Request) {
	var req wire.PaymentRequest
	if err := read(w, r, &req); err != nil {
		s.fail(w, err)
		return
	}
	st, err := s.machine.Released(r.Context(), req.Ledger, req.Payment)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, st)
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
