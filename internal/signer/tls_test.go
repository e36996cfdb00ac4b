package signer

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// remote is a machine that serves over a network.
type remote struct {
	t         *testing.T
	home      string
	addr      string
	clock     *clock
	authority *certs.Authority
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	m, _ := newMachine(t)
	r := &remote{t: t, home: filepath.Join(t.TempDir(), "home"), clock: &clock{now: time.Now()}}
	if err := os.Mkdir(r.home, 0o700); err != nil {
		t.Fatal(err)
	}
	r.authority = certs.In(r.home, r.clock.read)
	_, err := r.authority.Init()
	if err == nil {
		_, err = r.authority.Server([]string{"127.0.0.1", "signer.internal"}, 400)
	}
	if err != nil {
		t.Fatal(err)
	}
	config, door, err := r.authority.Serving()
	if err != nil {
		t.Fatal(err)
	}
	requests, err := requestlog.Open(r.home, requestlog.Options{Now: r.clock.read})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := NewServer(m, quiet, ServerOptions{Requests: requests, Meter: NewMeter()})
	go func() { served <- server.ServeTLS(ctx, l, config, door) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, requests.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// issue makes a certificate of the machine's authority.
func (r *remote) issue(name string, role certs.Role) *tls.Config {
	return issueBy(r.t, r.authority, name, role)
}

func issueBy(t *testing.T, a *certs.Authority, name string, role certs.Role) *tls.Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "c")
	if _, err := a.Client(name, role, 30, dir); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, certs.ClientCert), filepath.Join(dir, certs.ClientKey))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, certs.ClientCA))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}
}

// ask sends a request and says what the machine answers: a status and a code, or that it did not.
func (r *remote) ask(web *http.Client, method, path string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "https://"+r.addr+path, strings.NewReader("{}"))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := web.Do(req)
	if err != nil {
		return "no answer"
	}
	b, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return "no answer"
	}
	var p wire.Problem
	if res.StatusCode == http.StatusOK || json.Unmarshal(b, &p) != nil {
		return res.Status[:3]
	}
	return res.Status[:3] + " " + p.Error.Code
}

func (r *remote) with(c *tls.Config) *http.Client {
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
	r.t.Cleanup(web.CloseIdleConnections)
	return web
}

// logged waits until the machine's log has a line with a code.
func (r *remote) logged(code string) {
	r.t.Helper()
	r.loggedTimes(1, func(w requestlog.Written) bool { return w.Code == code })
}

// loggedTimes waits until the machine's log has so many lines of a kind.
func (r *remote) loggedTimes(times int, is func(requestlog.Written) bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for {
		have := 0
		files, _ := requestlog.Files(r.home)
		err := requestlog.Read(files, func(_ string, _ int, w requestlog.Written) error {
			if is(w) {
				have++
			}
			return nil
		}, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		if have >= times {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			text, _ := os.ReadFile(files[len(files)-1])
			r.t.Errorf("%d lines of the log are what is looked for, not %d:\n%s", have, times, text)
			return
		}
	}
}

func TestEachRoleMayWhatItIsForAndNoMore(t *testing.T) {
	r := newRemote(t)
	for role, may := range map[certs.Role]map[string]bool{
		certs.Client: {wire.PathSign: true, wire.PathKeys: true, wire.PathFind: true, wire.PathPayment: true, wire.PathJournal: true, wire.PathStatus: true,
			wire.PathReport: true, wire.PathFreeze: true},
		certs.Reader:  {wire.PathFind: true, wire.PathPayment: true, wire.PathJournal: true, wire.PathStatus: true, wire.PathReport: true},
		certs.Officer: {wire.PathStatus: true, wire.PathReport: true},
	} {
		web := r.with(r.issue(string(role), role))
		for path, e := range endpoints {
			if (path == wire.PathLock || path == wire.PathFreeze) && role == certs.Officer {
				continue // these end the test's machine
			}
			got := r.ask(web, e.method, path)
			if refused := got == "403 role_not_allowed"; refused == may[path] || got == "no answer" {
				t.Errorf("%s asks for %s: %s", role, path, got)
			}
		}
	}
	r.logged("role_not_allowed")
	if got := r.ask(r.with(r.issue("f", certs.Officer)), http.MethodPost, wire.PathFreeze); got == "403 role_not_allowed" || got == "no answer" { // without a reason
		t.Errorf("an officer freezes: %s", got)
	}
	if got := r.ask(r.with(r.issue("o", certs.Officer)), http.MethodPost, wire.PathLock); got != "200" {
		t.Errorf("an officer locks: %s", got)
	}
}

func TestACertificateThatIsNotOnTheListOpensNothing(t *testing.T) {
	r := newRemote(t)
	c := r.issue("c", certs.Client)
	list := filepath.Join(r.home, "certs", "clients.json")
	if err := os.WriteFile(list, []byte(`{"version":1,"clients":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.ask(r.with(c), http.MethodGet, wire.PathStatus); got != "no answer" {
		t.Errorf("it got %s", got)
	}
	r.logged("certificate_not_pinned")
}

func TestARevocationCountsOnOpenConnectionsAtOnce(t *testing.T) {
	r := newRemote(t)
	c := r.issue("c", certs.Client)
	web := r.with(c)
	if got := r.ask(web, http.MethodGet, wire.PathStatus); got != "200" {
		t.Fatalf("it got %s", got)
	}
	if _, _, err := r.authority.Revoke("c"); err != nil {
		t.Fatal(err)
	}
	if got := r.ask(web, http.MethodGet, wire.PathStatus); got != "403 certificate_revoked" {
		t.Errorf("on the same connection it got %s", got)
	}
	if got := r.ask(r.with(c), http.MethodGet, wire.PathStatus); got != "no answer" {
		t.Errorf("on a new connection it got %s", got)
	}
	r.logged("certificate_revoked")
}

func TestACertificateEndsWithItsTime(t *testing.T) {
	r := newRemote(t)
	c := r.issue("c", certs.Client)
	web := r.with(c)
	if got := r.ask(web, http.MethodGet, wire.PathStatus); got != "200" {
		t.Fatalf("it got %s", got)
	}
	r.clock.move(31 * 24 * time.Hour)
	if got := r.ask(web, http.MethodGet, wire.PathStatus); got != "403 certificate_expired" {
		t.Errorf("on the same connection it got %s", got)
	}
	if got := r.ask(r.with(c), http.MethodGet, wire.PathStatus); got != "no answer" {
		t.Errorf("on a new connection it got %s", got)
	}
}

func TestWhoIsOfAnotherAuthorityOrShowsNothingIsNotLetIn(t *testing.T) {
	r := newRemote(t)
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	foreign := certs.In(other, time.Now)
	if _, err := foreign.Init(); err != nil {
		t.Fatal(err)
	}
	mine := r.issue("c", certs.Client)
	theirs := issueBy(t, foreign, "c", certs.Client)
	theirs.RootCAs = mine.RootCAs
	old := mine.Clone()
	old.MaxVersion = tls.VersionTLS12
	for code, c := range map[string]*tls.Config{"certificate_of_another": theirs, "no_certificate": {RootCAs: mine.RootCAs}, "tls_too_old": old} {
		// A client leaves a certificate out that the machine says it would not take: this one does not care.
		if certs := c.Certificates; len(certs) > 0 {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
		}
		if got := r.ask(r.with(c), http.MethodGet, wire.PathStatus); got != "no answer" {
			t.Errorf("%s: it got %s", code, got)
		}
		r.logged(code)
	}
	if got := r.ask(r.with(mine), http.MethodGet, wire.PathStatus); got != "200" {
		t.Errorf("after all that, who may gets %s", got)
	}
}

func TestPlainHTTPAndNoiseAreNotAnswered(t *testing.T) {
	r := newRemote(t)
	for _, said := range []string{"GET /v1/status HTTP/1.1\r\nHost: signer\r\n\r\n", "\x00\x01\x02\x03\x04\x05\x06\x07"} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(c, said)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := bufio.NewReader(c).ReadString('\n')
		if strings.Contains(answer, "200") {
			t.Errorf("%q was answered with %q", said, answer)
		}
		_ = c.Close()
	}
	r.logged("not_tls")
}

// Whoever may have payments signed may stop the machine, which is safe, and does not start it again.
func TestAClientFreezesTheMachineUnderItsName(t *testing.T) {
	r := newRemote(t)
	dir := filepath.Join(t.TempDir(), "c")
	if _, err := r.authority.Client("coffer-1", certs.Client, 30, dir); err != nil {
		t.Fatal(err)
	}
	remote, err := client.Dial("https://"+r.addr, nil, client.WithCertificates(client.Certificates{
		CA: filepath.Join(dir, certs.ClientCA), Cert: filepath.Join(dir, certs.ClientCert), Key: filepath.Join(dir, certs.ClientKey),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Freeze(t.Context(), " "); fault.Code(err) != "usage" {
		t.Errorf("without a reason: %v", err)
	}
	f, err := remote.Freeze(t.Context(), "payments that nobody submitted")
	if err != nil || f.ID == "" || f.Already || !strings.Contains(f.Why, "payments that nobody submitted (cert coffer-1, ") {
		t.Fatalf("%+v, %v", f, err)
	}
	if again, err := remote.Freeze(t.Context(), "payments that nobody submitted"); err != nil || again.ID != f.ID || !again.Already {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := remote.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1}); fault.Code(err) != "signer_frozen" {
		t.Errorf("it makes a key: %v", err)
	}
	if got := r.ask(r.with(r.issue("r", certs.Reader)), http.MethodPost, wire.PathFreeze); got != "403 role_not_allowed" {
		t.Errorf("a reader freezes: %s", got)
	}
}
