package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"coffer.internal/internal/signer/wire"
)

func TestRequestsOutOfOrderAreRefusedWhole(t *testing.T) {
	m, from := newMachine(t)
	socket := listenAndServe(t, NewServer(m, quiet, ServerOptions{}).Serve)
	intent := string(payment(from, 0, "p").Canonical())
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no JSON":                    {"intents", http.StatusBadRequest, "bad_request"},
		"an unknown field":           {`{"intents":[],"force":true}`, http.StatusBadRequest, "bad_request"},
		"two documents":              {`{"intents":[]}{}`, http.StatusBadRequest, "bad_request"},
		"an intent with white space": {`{"intents":[ ` + strings.Replace(intent, ":", ": ", 1) + `]}`, http.StatusBadRequest, "bad_intent"},
		"an unknown field inside":    {`{"intents":[` + strings.Replace(intent, "{", `{"x":1,`, 1) + `]}`, http.StatusBadRequest, "bad_intent"},
		"a bare hash":                {`{"intents":["0x52908400098527886E0F7030069857D2E4169EE7"]}`, http.StatusBadRequest, "bad_intent"},
		"a very long intent":         {`{"intents":["` + strings.Repeat("x", wire.MaxIntent) + `"]}`, http.StatusBadRequest, "long_intent"},
		"too many":                   {`{"intents":[` + strings.Repeat(intent+",", wire.MaxIntents) + intent + `]}`, http.StatusBadRequest, "too_many_intents"},
		"a very long body":           {`{"intents":["` + strings.Repeat("x", maxBody) + `"]}`, http.StatusBadRequest, "long_request"},
	} {
		status, answer := post(t, socket, wire.PathSign, c.body)
		var p wire.Problem
		if err := json.Unmarshal([]byte(answer), &p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if status != c.status || p.Error.Code != c.code || p.Error.Message == "" {
			t.Errorf("%s: status %d, %+v", name, status, p.Error)
		}
	}
	if st, err := m.Status(t.Context()); err != nil || st.Signed+st.Refused != 0 {
		t.Errorf("%+v was journaled, %v", st, err)
	}
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	m, from := newMachine(t)
	var log bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	path := t.TempDir() + "/s"
	l, err := Socket{Path: path, Mode: 0o600}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- NewServer(m, slog.New(slog.NewTextHandler(&log, nil)), ServerOptions{}).Serve(ctx, l)
	}()
	body, err := wire.Encode(wire.SignRequest{Intents: []json.RawMessage{payment(from, 0, "a").Canonical(), payment(from, 0, "b").Canonical()}})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := post(t, path, wire.PathSign, string(body))
	var got wire.SignAnswers
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK || len(got.Answers) != 2 || got.Answers[1].Refusal == nil {
		t.Fatalf("%d, %+v, %v", status, got, err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "code=nonce_bound") {
		t.Errorf("the refusal is not in the log:\n%s", &log)
	}
	if strings.Contains(log.String(), string(passphrase)) {
		t.Errorf("the passphrase is in the log:\n%s", &log)
	}
}

func TestAStopFinishesWhatIsUnderWay(t *testing.T) {
	m, _ := newMachine(t)
	l, err := Socket{Path: t.TempDir() + "/signer.sock", Mode: 0o600}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- NewServer(m, slog.New(slog.DiscardHandler), ServerOptions{}).Serve(ctx, l) }()
	stop()
	if err := <-done; err != nil {
		t.Errorf("a stop that was asked for: %v", err)
	}
}
