package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/client"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

func TestWithoutAMachineEveryCallSaysHowToStartOne(t *testing.T) {
	for name, addr := range map[string]string{"none configured": "", "none there": "unix:" + filepath.Join(t.TempDir(), "s")} {
		c := dial(t, addr)
		_, signErr := c.Sign(t.Context(), signing.BatchOf(payments(to, 1)...))
		_, statusErr := c.Status(t.Context())
		_, keyErr := c.NewKey(t.Context(), signing.KeyRequest{})
		_, _, findErr := c.FindKey(t.Context(), ledger, "evm", to)
		for _, err := range []error{signErr, statusErr, keyErr, findErr} {
			if !errors.Is(err, fault.Unreachable) || fault.Code(err) != "signer_unreachable" || !strings.Contains(fault.Hint(err), "coffer-signer serve --passphrase-file FILE") {
				t.Errorf("%s: %v, hint %q", name, err, fault.Hint(err))
			}
		}
		if !errors.Is(signErr, signing.ErrNoAnswer) {
			t.Errorf("%s: %v is an answer", name, signErr)
		}
	}
}

func TestAddressesOfOtherKindsAreRefused(t *testing.T) {
	for _, addr := range []string{"https://signer", "https://signer:https", "https://:8443", "https://who@signer:1", "http://signer:1", "unix:", "/run/signer.sock"} {
		if _, err := client.Dial(addr, verify); !errors.Is(err, fault.Usage) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// listen answers at an address as a test wants.
func listen(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: answer}
	done := make(chan struct{})
	go func() { defer close(done); _ = web.Serve(l) }()
	t.Cleanup(func() { _ = web.Close(); <-done })
	return "unix:" + path
}

func TestAMachineThatIsStoppedDoesNotHoldUpItsCallers(t *testing.T) {
	release := make(chan struct{})
	c := dial(t, listen(t, func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	begun := time.Now()
	if _, err := c.Status(t.Context()); !errors.Is(err, fault.Unreachable) || !strings.Contains(err.Error(), "no answer within 2s") {
		t.Errorf("Status: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Sign(ctx, signing.BatchOf(payments(to, 1)...)); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, signing.ErrNoAnswer) {
		t.Errorf("Sign: %v", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAnswersThatDoNotFitAreNotTaken(t *testing.T) {
	intent := payments("0x9858EfFD232B4033E47d90003D41EC34EcaEda94", 1)[0]
	digest := intent.Digest().String()
	believe := func(signing.Intent, []byte) (string, error) { return "0xhash", nil }
	doubt := func(signing.Intent, []byte) (string, error) { return "", errors.New("it pays somebody else") }
	good := wire.SignAnswer{Digest: digest, Raw: []byte{1}, Hash: "0xhash"}
	with := func(change func(*wire.SignAnswer)) []wire.SignAnswer {
		a := good
		change(&a)
		return []wire.SignAnswer{a}
	}
	for name, c := range map[string]struct {
		answers []wire.SignAnswer
		verify  func(signing.Intent, []byte) (string, error)
		want    string
	}{
		"another digest":      {with(func(a *wire.SignAnswer) { a.Digest = strings.Repeat("0", 64) }), believe, "it is for"},
		"another hash":        {with(func(a *wire.SignAnswer) { a.Hash = "0xother" }), believe, `its hash is 0xhash, not "0xother"`},
		"another transaction": {[]wire.SignAnswer{good}, doubt, "it pays somebody else"},
		"too few":             {nil, believe, "0 answers to 1 intents"},
		"too many":            {[]wire.SignAnswer{good, good}, believe, "2 answers to 1 intents"},
		"an unknown refusal": {with(func(a *wire.SignAnswer) {
			*a = wire.SignAnswer{Digest: digest, Refusal: &signing.Refusal{Kind: "maybe", Code: "x"}}
		}), believe, "a refusal that is none"},
		"both": {with(func(a *wire.SignAnswer) { a.Refusal = &signing.Refusal{Kind: signing.RefusedForGood, Code: "x"} }), believe, "a refusal that is none"},
	} {
		addr := listen(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == wire.PathStatus {
				_ = json.NewEncoder(w).Encode(identified(identity(1)))
				return
			}
			_ = json.NewEncoder(w).Encode(wire.SignAnswers{Answers: c.answers})
		})
		machine, err := client.Dial(addr, c.verify)
		if err != nil {
			t.Fatal(err)
		}
		got, err := machine.Sign(t.Context(), signing.BatchOf(intent))
		if got != nil || !errors.Is(err, signing.ErrNoAnswer) || fault.Code(err) != "signer_answer" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestWhatIsNoSigningMachineIsSaidSo(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"another service": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nginx", http.StatusNotFound) },
		"no JSON":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
	} {
		if _, err := dial(t, listen(t, answer)).Status(t.Context()); fault.Code(err) != "signer_answer" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
