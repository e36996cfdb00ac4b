package signer

import (
	"context"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/requestlog"
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
	observer
	machine  *Machine
	signing  chan struct{} // holds one token for each sign request that is worked on
	rates    Rates
	requests *limiter
	intents  *limiter
}

// ServerOptions are what a server may have beside its machine.
type ServerOptions struct {
	Requests *requestlog.Log  // where each request is written down; nil: nowhere, for tests and measurements
	Meter    *Meter           // what counts requests; nil: nothing does
	Rates    Rates            // zero: DefaultRates
	Now      func() time.Time // nil: time.Now
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.Rates == (Rates{}) {
		o.Rates = DefaultRates
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// NewServer makes a server. Nothing it logs is secret.
func NewServer(m *Machine, log *slog.Logger, o ServerOptions) *Server {
	o = o.withDefaults()
	return &Server{
		observer: newObserver(log, o), machine: m, signing: make(chan struct{}, maxSigning),
		rates: o.Rates, requests: newLimiter(o.Rates.Requests, o.Now), intents: newLimiter(o.Rates.Intents, o.Now),
	}
}

// endpoint is what can be asked for at a path.
type endpoint struct {
	method string
	roles  []certs.Role // which certificates may
	local  bool         // whoever may connect to the unix socket may as well, beside what the role client may
	always bool         // however often: what stops the machine
	logged bool         // the machine does it only if it can be written down
	handle func(*Server, http.ResponseWriter, *http.Request)
}

// endpoints are all that can be asked for.
var endpoints = map[string]endpoint{
	wire.PathSign:    {method: http.MethodPost, roles: []certs.Role{certs.Client}, logged: true, handle: (*Server).sign},
	wire.PathKeys:    {method: http.MethodPost, roles: []certs.Role{certs.Client}, logged: true, handle: (*Server).newKey},
	wire.PathFind:    {method: http.MethodPost, roles: []certs.Role{certs.Client, certs.Reader}, handle: (*Server).findKey},
	wire.PathPayment: {method: http.MethodPost, roles: []certs.Role{certs.Client, certs.Reader}, handle: (*Server).findPayment},
	wire.PathJournal: {method: http.MethodPost, roles: []certs.Role{certs.Client, certs.Reader}, handle: (*Server).journal},
	wire.PathStatus:  {method: http.MethodGet, roles: []certs.Role{certs.Client, certs.Reader, certs.Officer}, handle: (*Server).status},
	wire.PathReport:  {method: http.MethodGet, roles: []certs.Role{certs.Client, certs.Reader, certs.Officer}, handle: (*Server).report},
	wire.PathLock:    {method: http.MethodPost, roles: []certs.Role{certs.Officer}, local: true, always: true, handle: (*Server).lock},
	wire.PathFreeze:  {method: http.MethodPost, roles: []certs.Role{certs.Officer, certs.Client}, always: true, handle: (*Server).freeze},
}

// Serve answers on a unix socket until ctx ends; what is under way then is finished. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	web := &http.Server{Handler: s.observed(http.HandlerFunc(s.route)), ConnContext: withCaller}
	return serve(ctx, s.bounded(l, maxLocal, maxLocal), s.log, s.hearing(ctx, web, nil))
}

// route answers a request that is in order and whose sender may send it.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	c, path := callerOf(r), r.URL.Path
	e, ok := endpoints[path]
	if !e.always && !s.requests.take(c.Who, 1) {
		s.failWith(w, http.StatusTooManyRequests, rateLimited(c.Who, "requests", s.rates.Requests))
		return
	}
	if !ok {
		s.fail(w, noSuchPath())
		return
	}
	if err := e.may(c, path); err != nil {
		s.fail(w, err)
		return
	}
	if r.Method != e.method {
		s.failWith(w, http.StatusMethodNotAllowed, wrongMethod(r, e.method))
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); e.method == http.MethodPost && (err != nil || kind != "application/json") {
		s.failWith(w, http.StatusUnsupportedMediaType, fault.New(fault.Usage, "not_json", "Content-Type: application/json", "the request does not say that it is JSON"))
		return
	}
	if e.logged {
		if err := s.ready(); err != nil {
			s.fail(w, err)
			return
		}
	}
	e.handle(s, w, r)
}

func (s *Server) sign(w http.ResponseWriter, r *http.Request) {
	select {
	case s.signing <- struct{}{}:
		defer func() { <-s.signing }()
	case <-r.Context().Done():
		lineOf(w).Code = codeGone
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
	if c := callerOf(r); !s.intents.take(c.Who, len(batch.Requests)) {
		s.failWith(w, http.StatusTooManyRequests, rateLimited(c.Who, "intents", s.rates.Intents))
		return
	}
	answers, err := s.machine.Sign(r.Context(), batch)
	lineOf(w).Intents = linesOf(batch, answers, err)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := wire.SignAnswers{Answers: make([]wire.SignAnswer, len(answers))}
	for i, a := range answers {
		out.Answers[i] = signAnswer(a)
		if a.Refusal != nil {
			s.log.Warn("refused", "digest", a.Digest, "kind", a.Refusal.Kind, "code", a.Refusal.Code, "reason", a.Refusal.Reason)
		}
	}
	s.answer(w, out)
}

// linesOf are what the log says of each intent of a request.
func linesOf(b signing.Batch, answers []signing.Answer, err error) []requestlog.Intent {
	lines := make([]requestlog.Intent, len(b.Requests))
	for i, r := range b.Requests {
		in := r.Intent
		lines[i] = requestlog.Intent{Ledger: in.Ledger, Purpose: string(in.Purpose), Payment: in.Payment}
		switch {
		case err != nil:
			lines[i].Digest, lines[i].Code = in.Digest(), fault.Code(err)
		case answers[i].Refusal != nil:
			lines[i].Digest, lines[i].Code, lines[i].Receipt = answers[i].Digest, answers[i].Refusal.Code, answers[i].Receipt.Seq
		default:
			lines[i].Digest, lines[i].Code, lines[i].Receipt = answers[i].Digest, "signed", answers[i].Receipt.Seq
		}
	}
	return lines
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

func (s *Server) journal(w http.ResponseWriter, r *http.Request) {
	var req wire.JournalRequest
	if err := read(w, r, &req); err != nil {
		s.fail(w, err)
		return
	}
	var out wire.JournalAnswer
	entries, err := s.machine.Entries(r.Context(), req.Ledger, req.After, req.Limit)
	if err == nil {
		out.Highest, err = s.machine.Highest(r.Context(), req.Ledger)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	out.Entries = make([]wire.JournalEntry, len(entries))
	for i, e := range entries {
		out.Entries[i] = wire.JournalEntry{At: e.At, Intent: e.Intent, SignAnswer: signAnswer(e.Answer())}
	}
	s.answer(w, out)
}

func signAnswer(a signing.Answer) wire.SignAnswer {
	return wire.SignAnswer{Digest: a.Digest.String(), Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal, Receipt: a.Receipt}
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.machine.Status(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, st)
}

func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	rep, err := s.machine.Report(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	if s.lines != nil {
		head, _ := s.lines.Head()
		rep.Log = &wire.LogReport{Seq: head.Seq, Hash: head.Hash, Failing: s.lines.Failing()}
	}
	s.answer(w, rep)
}

func (s *Server) lock(w http.ResponseWriter, _ *http.Request) {
	already := s.machine.Lock()
	s.log.Warn("locked: nothing is signed until it is served again")
	s.answer(w, wire.LockAnswer{AlreadyLocked: already})
}

// freeze is what whoever may have payments signed may do as well: to stop them fails safe, and a client that means ill stops the machine
// anyway, by a receipt that it never gave. Only officers undo it.
func (s *Server) freeze(w http.ResponseWriter, r *http.Request) {
	var req wire.FreezeRequest
	if err := read(w, r, &req); err != nil {
		s.fail(w, err)
		return
	}
	f, already, err := s.machine.Freeze(r.Context(), journal.FreezeCause{At: s.now().UTC().Truncate(time.Second), By: callerOf(r).Who, Reason: req.Reason})
	if err != nil {
		s.fail(w, err)
		return
	}
	s.log.Warn("frozen: nothing is signed until it is unfrozen", "freeze", f.ID, "why", f.String(), "already", already)
	s.answer(w, wire.FreezeAnswer{Freeze: f.ID, Why: f.String(), AlreadyFrozen: already})
}
