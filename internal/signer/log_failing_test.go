package signer

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"coffer.internal/internal/signer/requestlog"
	"coffer.internal/internal/signer/wire"
)

func TestNothingIsSignedThatCannotBeWrittenDown(t *testing.T) {
	m, from := newMachine(t)
	requests, err := requestlog.Open(t.TempDir(), requestlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	socket := listenAndServe(t, NewServer(m, quiet, ServerOptions{Requests: requests}).Serve)
	if err := requests.Close(); err != nil { // from now on each write fails
		t.Fatal(err)
	}
	body := `{"intents":[` + string(payment(from, 0, "p").Canonical()) + `]}`
	for range 2 {
		if status, answer := post(t, socket, wire.PathSign, body); status != http.StatusServiceUnavailable || !strings.Contains(answer, requestlog.CodeNotWritten) {
			t.Errorf("%d %s", status, answer)
		}
	}
	if st, err := m.Status(t.Context()); err != nil || st.Signed > 1 { // the first found out only when its answer was to be written down
		t.Errorf("%+v, %v", st, err)
	}
	if status, answer := post(t, socket, wire.PathLock, "{}"); status != http.StatusOK {
		t.Errorf("it cannot be locked: %d %s", status, answer)
	}
}

func TestACallerWhoGoesWildIsToldSoAndTheOthersAreServed(t *testing.T) {
	now := time.Now()
	l := newLimiter(10, func() time.Time { return now })
	for range 20 {
		if !l.take("a", 1) {
			t.Fatal("it is limited too soon")
		}
	}
	if l.take("a", 1) || !l.take("b", 20) || l.take("b", 1) {
		t.Error("each caller has a bucket of two seconds of his own")
	}
	now = now.Add(time.Second)
	if !l.take("a", 10) || l.take("a", 1) {
		t.Error("a second brings ten more")
	}
	m, from := newMachine(t)
	socket := listenAndServe(t, NewServer(m, quiet, ServerOptions{Rates: Rates{Requests: 1, Intents: wire.MaxIntents}, Now: func() time.Time { return now }}).Serve)
	body := `{"intents":[` + string(payment(from, 0, "p").Canonical()) + `]}`
	var last int
	for range 3 {
		last, _ = post(t, socket, wire.PathSign, body)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the third request in no time: %d", last)
	}
	if status, answer := post(t, socket, wire.PathLock, "{}"); status != http.StatusOK {
		t.Errorf("it cannot be locked: %d %s", status, answer)
	}
}

func TestMetricsAreWhatPrometheusReads(t *testing.T) {
	m, _ := newMachine(t)
	requests, err := requestlog.Open(t.TempDir(), requestlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	meter := NewMeter()
	meter.request(requestlog.Line{Path: wire.PathSign, Code: "ok", Took: time.Millisecond, Intents: []requestlog.Intent{{Code: "signed"}}})
	meter.request(requestlog.Line{Path: "/etc/\"\n", Code: "no_such_path"})
	meter.refused("not_tls")
	w := &recorder{header: http.Header{}}
	NewMetrics(m, meter, requests, "test", quiet).tell(w, &http.Request{})
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(w.body)))
	if err := errors.Join(err, requests.Close()); err != nil {
		t.Fatalf("%v\n%s", err, w.body)
	}
	h := families["coffer_signer_sign_duration_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 1 || h.GetBucket()[0].GetCumulativeCount() != 1 || len(families["coffer_signer_requests_total"].GetMetric()) != 2 {
		t.Errorf("%s", w.body)
	}
}

func FuzzSignRequest(f *testing.F) {
	f.Add([]byte(`{"intents":[` + string(payment(to, 0, "p").Canonical()) + `],"authorizations":[["x"]],"held":{"ledger":"l","seq":1}}`))
	f.Add([]byte(`{"intents":[null,1]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := http.NewRequest(http.MethodPost, wire.PathSign, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		var req wire.SignRequest
		if read(&recorder{header: http.Header{}}, r, &req) != nil {
			return
		}
		b, err := parse(req)
		if err == nil && len(b.Requests) != len(req.Intents) {
			t.Errorf("%d requests of %d intents", len(b.Requests), len(req.Intents))
		}
	})
}
