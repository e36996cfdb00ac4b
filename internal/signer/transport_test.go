package signer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// hostile is a machine whose every door bytes are thrown at. Its key is always the same, and it signs nothing that its service did not
// authorize: so whatever comes, it signs the one payment that is authorized, and no other.
type hostile struct {
	t       testing.TB
	dir     string
	m       *Machine
	sockets map[string]string // by who connects
	closed  chan struct{}     // one for each connection whose end the server told
	log     *requestlog.Log
	read    int64 // how far the log was read
	good    []byte
	raw     []byte
	stop    func()
}

// doorsOf are those who connect, with what they are. The zero caller shows nothing; the last two are strangers at the machine's own socket.
var doorsOf = map[string]Caller{
	"socket":  {Who: "uid 1000", Role: certs.Client, Local: true, From: "unix"},
	"client":  {Who: "cert c", Role: certs.Client, From: "10.0.0.1:1"},
	"reader":  {Who: "cert r", Role: certs.Reader, From: "10.0.0.1:2"},
	"officer": {Who: "cert o", Role: certs.Officer, From: "10.0.0.1:3"},
	"nobody":  {},
	"revoked": {Who: "cert v", refused: fault.New(fault.NotAllowed, "certificate_revoked", "", "revoked")},
}

// adminDoor is the machine's own socket, at which somebody else connects.
const adminDoor = "admin"

var doorNames = []string{"socket", "client", "reader", "officer", "nobody", "revoked", adminDoor}

var hostileService = ed25519.NewKeyFromSeed([]byte("the service key of hostile bytes"))

// hostileKey is the address of the key at index 0 of hostileWords.
const (
	hostileKey   = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
	hostileWords = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
)

func newHostile(t testing.TB) *hostile {
	t.Helper()
	dir, err := os.MkdirTemp("", "hostile-*")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{t: t, dir: dir, closed: make(chan struct{}, 1000)}
	home := filepath.Join(dir, "signer")
	p, err := policy.Parse([]byte(`version = 1
[[authorizer]]
name = "service"
role = "service"
key = "ed25519:` + base64.StdEncoding.EncodeToString(hostileService.Public().(ed25519.PublicKey)) + `"
[[rule]]
name = "payments"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:*"]
assets = ["*"]
authorized_by = { service = 1 }
`))
	if err == nil {
		err = journal.Create(home)
	}
	if err == nil {
		_, err = vault.Create(home, strings.Fields(hostileWords), passphrase, vault.Options{WorkFactor: 2})
	}
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = requestlog.Open(home, requestlog.Options{MaxBytes: 1 << 50}); err != nil {
		t.Fatal(err)
	}
	h.m = startUnder(t, home, p)
	h.serve()
	h.prepare()
	return h
}

// serve opens all doors.
func (h *hostile) serve() {
	h.t.Helper()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { // so slow that nothing is limited, and no line held back
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	s := NewServer(h.m, quiet, ServerOptions{Requests: h.log, Rates: Rates{1e6, 1e6}, Now: clock})
	a := NewAdmin(h.m, nil, quiet, clock).Writing(h.log)
	a.peer = func(net.Conn) (int, error) { return os.Geteuid() + 1, nil }
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	h.sockets = map[string]string{}
	for _, name := range doorNames {
		h.sockets[name] = filepath.Join(h.dir, name)
		l, err := Socket{Path: h.sockets[name], Mode: 0o600}.Listen()
		if err != nil {
			h.t.Fatal(err)
		}
		web, o := a.web(ctx, newObserver(quiet, ServerOptions{Requests: h.log, Now: clock})), s.observer
		if name != adminDoor {
			web = s.hearing(ctx, &http.Server{Handler: s.observed(http.HandlerFunc(s.route)), ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, callerKey{}, doorsOf[name])
			}}, nil)
		}
		told := web.ConnState
		web.ConnState = func(c net.Conn, to http.ConnState) {
			told(c, to)
			if to == http.StateClosed {
				h.closed <- struct{}{}
			}
		}
		serving.Go(func() { _ = serve(ctx, o.bounded(patientListener{l}, maxLocal, maxLocal), quiet, web) })
	}
	h.stop = func() {
		stop()
		serving.Wait()
		_ = errors.Join(h.m.Close(), h.log.Close(), os.RemoveAll(h.dir))
	}
}

// prepare has the one payment signed.
func (h *hostile) prepare() {
	h.t.Helper()
	if got := newAddress(h.t, h.m); got != hostileKey {
		h.t.Fatalf("its key is %s", got)
	}
	i := payment(hostileKey, 0, "p")
	to, asset, amount := i.Pays()
	now := time.Now().Truncate(time.Second)
	token := signing.Authorization{
		Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount, MaxFee: i.MostFee().String(),
		Issued: now, Expires: now.Add(time.Hour),
	}.Token(hostileService)
	body, err := wire.Encode(wire.SignRequest{Intents: []json.RawMessage{i.Canonical()}, Authorizations: [][]string{{token}}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.good = []byte(fmt.Sprintf("POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body))
	h.raw = h.ask()
	h.lines()
}

// ask asks for the one payment as it should be asked.
func (h *hostile) ask() (raw []byte) {
	h.t.Helper()
	answer := h.throw("socket", h.good)
	_, body, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	var out wire.SignAnswers
	if err := json.Unmarshal(body, &out); err != nil || len(out.Answers) != 1 || out.Answers[0].Refusal != nil {
		h.t.Fatalf("a good request is answered with\n%s", answer)
	}
	return out.Answers[0].Raw
}

// throw sends bytes through a door, and nothing after them, and returns all that comes back, when the server is done with it.
func (h *hostile) throw(door string, sent []byte) []byte {
	h.t.Helper()
	c, err := net.Dial("unix", h.sockets[door])
	if err != nil {
		h.t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = c.Write(sent) // the machine may have had enough before the end
		_ = c.(*net.UnixConn).CloseWrite()
	}()
	back, err := io.ReadAll(c)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		h.t.Fatalf("it never ends: %q", sent)
	}
	_ = c.Close()
	<-wrote
	<-h.closed
	return back
}

// lines are those that were written since they were read last.
func (h *hostile) lines() (all []requestlog.Written) {
	h.t.Helper()
	f, err := os.Open(filepath.Join(h.dir, "signer", requestlog.FileName))
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(h.read, io.SeekStart); err != nil {
		h.t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		h.t.Fatal(err)
	}
	h.read += int64(len(text))
	for line := range bytes.Lines(text) {
		var w requestlog.Written
		if err := json.Unmarshal(line, &w); err != nil {
			h.t.Fatalf("%s: %v", line, err)
		}
		all = append(all, w)
	}
	return all
}

// patientListener has net/http not notice that whoever asked says nothing more while it is answered: it would break off what they asked for,
// and a test would be about who is faster.
type patientListener struct{ net.Listener }

// Accept waits for a connection.
func (l patientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: c, broken: make(chan struct{}, 1)}, nil
}

type patientConn struct {
	net.Conn
	broken chan struct{} // net/http breaks off its read ahead
}

// Read leaves net/http's read ahead of one byte waiting until it is broken off. Of any other that is so short it knows nothing.
func (c *patientConn) Read(b []byte) (int, error) {
	if len(b) == 1 {
		given := time.NewTimer(2 * time.Second)
		defer given.Stop()
		select {
		case <-c.broken:
			return 0, os.ErrDeadlineExceeded
		case <-given.C:
		}
	}
	return c.Conn.Read(b)
}

// SetReadDeadline in the past breaks a read off.
func (c *patientConn) SetReadDeadline(at time.Time) error {
	if !at.IsZero() && at.Before(time.Now()) {
		select {
		case c.broken <- struct{}{}:
		default:
		}
		return nil
	}
	return c.Conn.SetReadDeadline(at)
}

// Close closes it.
func (c *patientConn) Close() error {
	select {
	case c.broken <- struct{}{}:
	default:
	}
	return c.Conn.Close()
}

var statusLine = regexp.MustCompile(`(?m)^HTTP/1\.[01] (\d\d\d) `)

// statuses are those of all answers that came back.
func statuses(back []byte) (all []string) {
	for _, m := range statusLine.FindAllSubmatch(back, -1) {
		if s := string(m[1]); s != "100" { // Continue is no answer
			all = append(all, s)
		}
	}
	return all
}

// try throws bytes through a door and judges what became of it.
func (h *hostile) try(door string, sent []byte) {
	h.t.Helper()
	back := h.throw(door, sent)
	got, lines := statuses(back), h.lines()
	written := 0
	for _, l := range lines {
		switch {
		case l.Code == "panic":
			h.t.Fatalf("%s: it panicked: %+v", door, l)
		case l.Code == "":
			h.t.Fatalf("%s: a line without a code: %+v", door, l)
		case l.Status == 0 && l.Code != codeMalformed && l.Code != codeGone:
			h.t.Fatalf("%s: a line of no request: %+v", door, l)
		case l.Status != 0:
			written++
		}
	}
	own := 0 // answers of net/http, and what it did not answer: one at most, because it ends the connection
	if n := len(lines); n > 0 && lines[n-1].Status == 0 {
		own = 1
	}
	if len(lines) != written+own || len(got) < written || len(got) > written+own {
		h.t.Fatalf("%s: %d answers (%s) and these lines:\n%+v", door, len(got), got, lines)
	}
	stopped := h.stopped(door)
	for _, s := range got {
		if s[0] == '5' && s != "501" && s != "505" && !(s == "503" && stopped) { // 501, 505: net/http knows no such encoding, no such version
			h.t.Fatalf("%s: status %s\n%s", door, s, back)
		}
	}
	if st, err := h.m.Status(context.Background()); err != nil || st.Signed != 1 {
		h.t.Fatalf("%s: %d are signed, %v", door, st.Signed, err)
	}
	if stopped {
		return
	}
	if !bytes.Equal(h.ask(), h.raw) {
		h.t.Fatal("the answer is another one")
	}
	h.lines()
}

// stopped says whether the machine was stopped by those who may: a client freezes it too, with a receipt that the machine never gave.
func (h *hostile) stopped(door string) bool {
	h.t.Helper()
	st, err := h.m.Status(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	mayLock, mayFreeze := []string{"socket", "officer"}, []string{"socket", "client", "officer"}
	if st.Locked && !slices.Contains(mayLock, door) || st.Frozen != "" && !slices.Contains(mayFreeze, door) {
		h.t.Fatalf("%s stopped it: %+v", door, st)
	}
	return st.Locked || st.Frozen != ""
}

// hostileSeeds are requests that are almost right, each in its own way.
func hostileSeeds() (all [][]byte) {
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	intent := string(payment(hostileKey, 1, "q").Canonical())
	stranger := string(payment(to, 0, "q").Canonical())
	sign := `{"intents":[` + intent + `],"authorizations":[["eyJ"]],"held":{"ledger":"ledger-1","seq":1}}`
	for _, s := range []string{
		post(wire.PathSign, sign), post(wire.PathSign, `{"intents":[`+stranger+`,`+intent+`]}`), post(wire.PathSign, `{"intents":[]}`), post(wire.PathSign, sign+"{}"),
		post(wire.PathKeys, `{"ledger":"ledger-1","chain_type":"evm","chain_id":1,"ref":"r","account":"cold"}`),
		post(wire.PathFind, `{"ledger":"ledger-1","chain_type":"evm","address":"`+hostileKey+`"}`),
		post(wire.PathPayment, `{"ledger":"ledger-1","payment":"p"}`), post(wire.PathJournal, `{"ledger":"ledger-1","after":0,"limit":5}`),
		post(wire.PathJournal, `{"ledger":"ledger-1","after":18446744073709551615,"limit":-9223372036854775808}`),
		post(wire.PathSign, `{"intents":[],"held":{"ledger":"ledger-2","seq":1}}`), post(wire.PathFreeze, `{"reason":"x"}`), post(wire.PathLock, "{}"),
		post(wire.PathFreeze, `{"reason":""}`), post(wire.PathRelease, `{"payment":"p","reason":"x"}`), post(wire.PathUnfreeze, `{}`),
		post(wire.PathLoad, `{"path":"/dev/zero"}`), post(wire.PathBackup, `{"path":"/dev/null","recipients":["age1"]}`), post(wire.PathLock+"/", "{}"),
		"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/report HTTP/1.1\r\nHost: x\r\n\r\n" + post(wire.PathFind, `{}`),
		"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n", "GET /v1/policy HTTP/1.0\r\n\r\n", "HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
		"GET http://other/v1/status HTTP/1.1\r\nHost: y\r\n\r\n", "GET //v1//status HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/../v1/status%00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"int\r\n0\r\n\r\n",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nffffffffffffffff\r\n",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", "POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET", "\x16\x03\x01\x00\x05", "",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n",
		"POST /v1/sign HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	} {
		all = append(all, []byte(s))
	}
	return all
}

func TestWhateverComesThroughADoorTheMachineServesOn(t *testing.T) {
	h := newHostile(t)
	defer func() { h.stop() }()
	for _, sent := range hostileSeeds() {
		for _, door := range doorNames {
			h.try(door, sent)
			if h.stopped(door) { // by one who may: on with a new one
				h.stop()
				h = newHostile(t)
			}
		}
	}
}

// FuzzTransport throws bytes at the machine over its real sockets, as each of those who may connect.
func FuzzTransport(f *testing.F) {
	for _, sent := range hostileSeeds() {
		for n := range doorNames {
			f.Add(byte(n), sent)
		}
	}
	var h *hostile
	f.Cleanup(func() {
		if h != nil {
			h.stop()
		}
	})
	f.Fuzz(func(t *testing.T, door byte, sent []byte) {
		if h == nil {
			h = newHostile(t)
		}
		h.t = t
		name := doorNames[int(door)%len(doorNames)]
		h.try(name, sent)
		if h.stopped(name) { // by one who may: on with a new one
			h.stop()
			h = nil
		}
	})
}

// What never becomes a request leaves a line as well, and one alone.
func TestWhatIsNoRequestIsWrittenDown(t *testing.T) {
	h := newHostile(t)
	defer func() { h.stop() }()
	for _, c := range []struct {
		sent string
		want []string
	}{
		{"GARBAGE\r\n\r\n", []string{codeMalformed}},
		{"GET /v1/sta", []string{codeMalformed}},
		{"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", []string{codeMalformed}},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", []string{codeMalformed}},
		{"POST /v1/sign HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", []string{codeMalformed}},
		{"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n", []string{"ok", codeMalformed}},
		{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []string{"no_such_path"}},
		{"", nil},
	} {
		for _, door := range []string{"socket", adminDoor} {
			h.throw(door, []byte(c.sent))
			var got []string
			for _, l := range h.lines() {
				if l.Who == "" || l.Role == "" || l.From == "" {
					t.Errorf("nobody's line: %+v", l)
				}
				got = append(got, l.Code)
			}
			want := slices.Clone(c.want)
			if door == adminDoor && len(want) > 0 && want[0] == "ok" {
				want[0] = "no_such_path"
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %.40q: the codes %s, want %s", door, c.sent, got, want)
			}
		}
	}
}

func TestWhatIsNoRequestHasTheNameOfItsCertificate(t *testing.T) {
	r := newRemote(t)
	config := r.issue("coffer-1", certs.Client)
	config.ServerName = "127.0.0.1"
	for _, sent := range []string{"GARBAGE\r\n\r\n", "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n"} {
		c, err := tls.Dial("tcp", r.addr, config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		back, _ := io.ReadAll(c)
		if got := statuses(back); len(got) == 0 || got[len(got)-1] != "400" {
			t.Errorf("%q is answered with %q", sent, back)
		}
		_ = c.Close()
	}
	want := requestlog.Written{Who: "cert coffer-1", Role: "client", Code: codeMalformed}
	r.loggedTimes(2, func(w requestlog.Written) bool {
		return w.Who == want.Who && w.Role == want.Role && w.Code == want.Code
	})
}

// Whoever may connect cannot fill the disk with what is no request.
func TestOfMuchThatIsNoRequestSomeLinesAreWritten(t *testing.T) {
	dir := t.TempDir()
	requests, err := requestlog.Open(dir, requestlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	o := newObserver(quiet, ServerOptions{Requests: requests, Meter: NewMeter(), Now: func() time.Time { return now }})
	for range 500 {
		o.unheard(doorsOf["client"])
	}
	if head, _ := requests.Head(); head.Seq != 20 {
		t.Errorf("%d lines of 500", head.Seq)
	}
	if err := requests.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhoLeavesBeforeTheAnswerIsNoFailureOfTheMachine(t *testing.T) {
	m, from := newMachine(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := m.Sign(ctx, signing.BatchOf(payment(from, 0, "p")))
	w := &recorder{header: http.Header{}}
	replies{quiet}.fail(w, err)
	if w.status != http.StatusServiceUnavailable || w.line.Code != codeGone {
		t.Errorf("%v: status %d, code %s", err, w.status, w.line.Code)
	}
}
