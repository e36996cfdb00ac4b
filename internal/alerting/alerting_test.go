package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"coffer.internal/internal/store"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func alarm(id int64, kind string, ended time.Time) store.Alarm {
	return store.Alarm{
		ID: id, Key: kind + ":evm:1", Kind: kind, ChainType: "evm", ChainID: 1, Brake: kind == "foreign_use", Sticky: true, Why: "why", ToDo: "what to do",
		Since: noon.Add(-time.Hour), EndedAt: ended,
	}
}

func TestAFingerprintIsTheOneThatPrometheusComputes(t *testing.T) {
	a := alertOf(alarm(1, "foreign_use", time.Time{}), "ledger")
	set := model.LabelSet{}
	for name, value := range a.labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	if err := set.Validate(); err != nil {
		t.Error(err)
	}
	if want := set.Fingerprint().String(); a.fingerprint() != want {
		t.Errorf("%s, Prometheus says %s", a.fingerprint(), want)
	}
}

func TestAWebhookMessageIsAlertmanagersVersion4(t *testing.T) {
	as := []alert{alertOf(alarm(1, "foreign_use", time.Time{}), "l1"), alertOf(alarm(2, "head_old", noon), "l1")}
	body, err := webhookBody("l1", as, 3)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"version": "4", "status": "firing", "receiver": "coffer", "truncatedAlerts": 3.0, "groupKey": `{}:{ledger="l1"}`, "externalURL": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	common := got["commonLabels"].(map[string]any)
	if common["ledger"] != "l1" || common["chain_id"] != "1" || common["kind"] != nil {
		t.Errorf("common labels: %v", common)
	}
	first, second := got["alerts"].([]any)[0].(map[string]any), got["alerts"].([]any)[1].(map[string]any)
	labels := first["labels"].(map[string]any)
	if first["status"] != "firing" || first["endsAt"] != "0001-01-01T00:00:00Z" || first["startsAt"] != "2026-11-25T11:00:00Z" ||
		labels["alertname"] != "CofferForeignUse" || labels["severity"] != "critical" || len(first["fingerprint"].(string)) != 16 {
		t.Errorf("what fires: %v", first)
	}
	if _, empty := labels["wallet"]; empty {
		t.Errorf("an empty label is none: %v", labels)
	}
	if second["status"] != "resolved" || second["endsAt"] != "2026-11-25T12:00:00Z" {
		t.Errorf("what has ended: %v", second)
	}
	body, err = webhookBody("l1", as[1:], 0)
	if err != nil || !bytes.Contains(body, []byte(`"status":"resolved","receiver"`)) {
		t.Errorf("all have ended: %s, %v", body, err)
	}
}

func TestNothingIsToldTwiceAndWhatEndedIsToldOnce(t *testing.T) {
	tt := newTold(false)
	open, over := alarm(1, "foreign_use", time.Time{}), alarm(1, "foreign_use", noon)
	step := func(now time.Time, want int, as ...store.Alarm) {
		t.Helper()
		due, rest := tt.due(now, as)
		if len(due) != want || rest != 0 {
			t.Fatalf("at %s: %d are due, and %d more; want %d", now, len(due), rest, want)
		}
		if len(due) > 0 {
			tt.took(now, due, as)
		}
	}
	step(noon, 1, open)
	step(noon.Add(time.Second), 0, open)
	step(noon.Add(2*time.Hour), 0, open)
	step(noon.Add(2*time.Hour+time.Second), 2, open, alarm(2, "head_old", time.Time{})) // what fires comes along
	step(noon.Add(3*time.Hour), 2, over, alarm(2, "head_old", time.Time{}))
	step(noon.Add(3*time.Hour+time.Second), 0, over, alarm(2, "head_old", time.Time{}))
	if _, kept := tt.ended[1]; !kept {
		t.Error("it is forgotten while it is still read")
	}
	step(noon.Add(5*time.Hour), 1, alarm(2, "head_old", noon))
	if _, kept := tt.ended[1]; kept {
		t.Error("what is read no more is remembered for ever")
	}
}

func TestAnAlertmanagerIsToldAgainEveryMinuteOfWhatFires(t *testing.T) {
	tt := newTold(true)
	as := []store.Alarm{alarm(1, "foreign_use", time.Time{})}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Second, 0}, {time.Minute, 1}, {61 * time.Second, 0}, {2 * time.Minute, 1}} {
		due, _ := tt.due(noon.Add(c.after), as)
		if len(due) != c.want {
			t.Errorf("after %s: %d", c.after, len(due))
		}
		if len(due) > 0 {
			tt.took(noon.Add(c.after), due, as)
		}
	}
	body, err := alertmanagerBody([]alert{alertOf(as[0], "l")}, noon)
	if err != nil || !bytes.Contains(body, []byte(`"endsAt":"2026-11-25T12:05:00Z"`)) {
		t.Errorf("%s, %v", body, err)
	}
}

func TestAReceiverThatTakesNothingIsLeftAloneForLongerAndLongerAndThenToldAll(t *testing.T) {
	tt := newTold(false)
	now := noon
	as := []store.Alarm{alarm(1, "foreign_use", time.Time{})}
	tt.due(now, nil) // reached
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if due, _ := tt.due(now, as); len(due) != 1 {
			t.Fatal("not due")
		}
		wait := tt.refused(now)
		if wait != want*time.Second {
			t.Errorf("left alone for %s, want %s", wait, want*time.Second)
		}
		if due, _ := tt.due(now.Add(wait-time.Millisecond), as); len(due) != 0 {
			t.Error("asked too early")
		}
		now = now.Add(wait)
	}
	now = now.Add(5 * time.Hour) // it ended in the meantime, long ago
	if since := tt.since(now); since.After(noon) {
		t.Errorf("what ended before %s is forgotten", since)
	}
	over := []store.Alarm{alarm(1, "foreign_use", noon.Add(time.Minute))}
	if due, _ := tt.due(now, over); len(due) != 1 {
		t.Error("its end is not told")
	}
}

func TestManyAlarmsGoOutInMessagesOfBoundedSize(t *testing.T) {
	tt := newTold(false)
	var as []store.Alarm
	for i := range 2*mostAtOnce + 1 {
		as = append(as, alarm(int64(i+1), "needs_review", time.Time{}))
	}
	for _, want := range []struct{ due, rest int }{{mostAtOnce, mostAtOnce + 1}, {mostAtOnce, mostAtOnce + 1}, {mostAtOnce, mostAtOnce + 1}, {0, 0}} {
		due, rest := tt.due(noon, as)
		if len(due) != want.due || rest != want.rest {
			t.Fatalf("%d and %d more, want %+v", len(due), rest, want)
		}
		if len(due) > 0 {
			tt.took(noon, due, as)
		}
	}
}

// receiverOf keeps what it is sent, and answers as it is told.
type receiverOf struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	status int
}

func listen(t *testing.T) *receiverOf {
	r := &receiverOf{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.status == http.StatusOK {
			r.bodies = append(r.bodies, q.URL.RequestURI()+" "+string(body))
		} else {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiverOf) answer(status int) { r.mu.Lock(); r.status = status; r.mu.Unlock() }

func (r *receiverOf) got() []string { r.mu.Lock(); defer r.mu.Unlock(); return r.bodies }

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

func TestReceiversAreToldWhenAnAlarmBeginsAndEndsEachForItself(t *testing.T) {
	hook, manager := listen(t), listen(t)
	var mu sync.Mutex
	now := []store.Alarm{alarm(1, "foreign_use", time.Time{})}
	var log bytes.Buffer
	hook.answer(http.StatusFound) // whoever it leads to may be anybody
	p, err := New(Options{
		Ledger: "l1", Every: 5 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Webhook: hook.URL + "/secret-path?token=secret-token", WebhookName: "webhook",
		Alertmanager: manager.URL + "/am/", AlertmanagerName: "alertmanager",
		Alarms: func(context.Context, time.Time) ([]store.Alarm, error) { mu.Lock(); defer mu.Unlock(); return now, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); p.Run(ctx) }()
	eventually(t, "the alertmanager hears nothing, because the webhook does not answer", func() bool { return len(manager.got()) == 1 })
	hook.answer(http.StatusOK)
	eventually(t, "the webhook is not tried again", func() bool { return len(hook.got()) == 1 })
	mu.Lock()
	now = []store.Alarm{alarm(1, "foreign_use", noon)}
	mu.Unlock()
	eventually(t, "nobody is told that it ended", func() bool { return len(hook.got()) == 2 && len(manager.got()) == 2 })
	stop()
	<-ran
	if got := manager.got()[0]; !strings.HasPrefix(got, `/am/api/v2/alerts [{"labels":{`) {
		t.Errorf("the alertmanager got %s", got)
	}
	if got := hook.got()[1]; !strings.HasPrefix(got, "/secret-path?token=secret-token ") || !strings.Contains(got, `"status":"resolved"`) {
		t.Errorf("the webhook got %s", got)
	}
	if said := log.String(); strings.Contains(said, "secret") || !strings.Contains(said, "it answers 302") || !strings.Contains(said, "told again") {
		t.Errorf("the log says %s", said)
	}
}

func TestAReceiverThatIsNotThereIsNamedWithoutItsURL(t *testing.T) {
	gone := listen(t)
	gone.Close()
	p, err := New(Options{Webhook: gone.URL + "/secret-path", WebhookName: "webhook"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.post(t.Context(), p.receivers[0], nil, 0); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}
