package alerting

import (
	"encoding/json"
	"fmt"
	"time"
)

// The webhook message of Alertmanager, version 4 (prometheus.io/docs/alerting/latest/configuration/#webhook_config).
type message struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []messageAlert    `json:"alerts"`
}

type messageAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"` // the zero time while it fires
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// webhookBody is one message about a ledger's alerts, which are one group. rest is how many there was no place for.
func webhookBody(ledger string, alerts []alert, rest int) ([]byte, error) {
	m := message{
		Version: "4", GroupKey: fmt.Sprintf("{}:{ledger=%q}", ledger), TruncatedAlerts: rest, Status: "resolved", Receiver: "coffer",
		GroupLabels:       map[string]string{"ledger": ledger},
		CommonLabels:      common(alerts, func(a alert) map[string]string { return a.labels }),
		CommonAnnotations: common(alerts, func(a alert) map[string]string { return a.annotations }),
	}
	for _, a := range alerts {
		if a.endsAt.IsZero() {
			m.Status = "firing"
		}
		m.Alerts = append(m.Alerts, messageAlert{
			Status: a.status(), Labels: a.labels, Annotations: a.annotations, StartsAt: a.startsAt, EndsAt: a.endsAt, Fingerprint: a.fingerprint(),
		})
	}
	return json.Marshal(m)
}

// posted is an alert of Alertmanager's API (POST /api/v2/alerts).
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// standsFor is how long an Alertmanager believes that an alert fires when it hears no more of it.
const standsFor = 5 * repeatEvery

// alertmanagerBody says of what fires that it ends some minutes from now: each repetition puts that off.
func alertmanagerBody(alerts []alert, now time.Time) ([]byte, error) {
	out := make([]posted, len(alerts))
	for i, a := range alerts {
		out[i] = posted{Labels: a.labels, Annotations: a.annotations, StartsAt: a.startsAt, EndsAt: a.endsAt}
		if a.endsAt.IsZero() {
			out[i].EndsAt = now.Add(standsFor).UTC()
		}
	}
	return json.Marshal(out)
}
