package signer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// post sends a body to a path over a unix socket.
func post(t *testing.T, socket, path, body string) (status int, answer string) {
	t.Helper()
	web := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	res, err := web.Post("http://signer"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// listenAndServe serves on a socket until the test ends.
func listenAndServe(t *testing.T, serve func(context.Context, net.Listener) error) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := Socket{Path: socket, Mode: 0o600}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return socket
}

var quiet = slog.New(slog.DiscardHandler)

const releaseOfP0 = `{"payment":"p-0","reason":"spent outside"}`

func TestAReleaseIsNotThereOnTheSocketOfClients(t *testing.T) {
	m, from := newMachine(t)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payments(from, 1)...)); err != nil {
		t.Fatal(err)
	}
	socket := listenAndServe(t, NewServer(m, quiet, ServerOptions{}).Serve)
	for _, path := range []string{wire.PathRelease, wire.PathRelease + "/", "/v1//release", "/v1/../v1/release", "/v1/payments/release"} {
		if status, _ := post(t, socket, path, releaseOfP0); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}
	if s, err := m.Released(t.Context(), ledger, "p-0"); err != nil || s.Released {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTheAdministrativeSocketReleasesAndDoesNothingElse(t *testing.T) {
	m, from := newMachine(t)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payments(from, 1)...)); err != nil {
		t.Fatal(err)
	}
	m.Lock() // a release needs no key
	at := time.Date(2026, 11, 25, 12, 0, 0, 999, time.FixedZone("", 3600))
	socket := listenAndServe(t, NewAdmin(m, nil, quiet, func() time.Time { return at }).Serve)
	for _, path := range []string{wire.PathSign, wire.PathKeys, wire.PathLock} {
		if status, _ := post(t, socket, path, "{}"); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}
	for body, want := range map[string]int{
		`{"payment":"nobody","reason":"x"}`:        http.StatusNotFound,
		`{"payment":"p-0","reason":""}`:            http.StatusBadRequest,
		`{"payment":"p-0","reason":"x","by":"me"}`: http.StatusBadRequest, // who asks is not for the asker to say
	} {
		if status, answer := post(t, socket, wire.PathRelease, body); status != want || !strings.Contains(answer, `"code"`) {
			t.Errorf("%s: status %d, %s", body, status, answer)
		}
	}
	for _, already := range []bool{false, true} {
		status, body := post(t, socket, wire.PathRelease, releaseOfP0)
		var done wire.ReleaseAnswer
		if err := json.Unmarshal([]byte(body), &done); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %s", status, body)
		}
		want := wire.ReleaseAnswer{Ledger: ledger, Payment: "p-0", AlreadyReleased: already, PaymentState: signing.PaymentState{
			Bound: true, ChainType: "evm", ChainID: 1, Address: from, Released: true, ReleasedAt: time.Date(2026, 11, 25, 11, 0, 0, 0, time.UTC),
			ReleasedBy: UserName(os.Geteuid()), Reason: "spent outside",
		}}
		if done != want {
			t.Errorf("got  %+v\nwant %+v", done, want)
		}
	}
	if st, err := m.Status(t.Context()); err != nil || st.Released != 1 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestAnotherUserReleasesNothing(t *testing.T) {
	m, from := newMachine(t)
	if _, err := m.Sign(t.Context(), signing.BatchOf(payments(from, 1)...)); err != nil {
		t.Fatal(err)
	}
	for code, peer := range map[string]func(net.Conn) (int, error){
		"another_user": func(net.Conn) (int, error) { return os.Geteuid() + 1, nil },
		"unknown_user": func(net.Conn) (int, error) { return 0, errors.New("not known") },
	} {
		a := NewAdmin(m, nil, quiet, time.Now)
		a.peer = peer
		socket := listenAndServe(t, a.Serve)
		if status, body := post(t, socket, wire.PathRelease, releaseOfP0); status != http.StatusForbidden || !strings.Contains(body, code) {
			t.Errorf("%s: status %d, %s", code, status, body)
		}
	}
	if s, err := m.Released(t.Context(), ledger, "p-0"); err != nil || s.Released {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTheKernelSaysWhoConnects(t *testing.T) {
	l, err := Socket{Path: filepath.Join(t.TempDir(), "s"), Mode: 0o600}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", l.(*listener).path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if uid, err := peerUID(there); err != nil || uid != os.Geteuid() {
		t.Errorf("uid %d, %v", uid, err)
	}
	if _, err := peerUID(&net.TCPConn{}); err == nil {
		t.Error("a connection that is no unix socket has a user")
	}
}
