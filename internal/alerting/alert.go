// Package alerting tells other systems of alarms: a webhook, in the form in which Prometheus' Alertmanager tells webhooks, and an
// Alertmanager itself, through its API.
//
// Words: an alert is an alarm as those systems see it, known by its labels; firing while the alarm is open, resolved when it has
// ended. A receiver is one of the two. What a receiver was told is remembered while the process lives; the next process tells it
// again what is open, and what ended within the last hour. So each is told at least once, and each can tell by fingerprint and
// times that it knows already.
//
// The promise: what goes out is what the database says, and nothing secret stands in a log: the URLs of receivers are shown
// only by the name that they were given for it.
package alerting

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"coffer.internal/internal/store"
)

// alert is an alarm as Alertmanager and its webhooks know it.
type alert struct {
	id          int64
	labels      map[string]string
	annotations map[string]string
	startsAt    time.Time
	endsAt      time.Time // zero: firing
}

// alertOf makes an alert of an alarm. The labels stay the same as long as the alarm is the same: what was seen is an annotation.
func alertOf(a store.Alarm, ledger string) alert {
	labels := map[string]string{
		"alertname": "Coffer" + camel(a.Kind), "alarm": a.Key, "kind": a.Kind, "ledger": ledger, "severity": "warning", "service": "coffer",
		"chain_type": a.ChainType, "chain_id": strconv.FormatInt(a.ChainID, 10), "wallet": a.Address, "request": a.Payment,
	}
	if a.Brake {
		labels["severity"] = "critical"
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" }) // an empty label is none
	return alert{
		id: a.ID, labels: labels, startsAt: a.Since.UTC(), endsAt: a.EndedAt.UTC(),
		annotations: map[string]string{
			"summary": a.Why, "description": a.ToDo, "brake": strconv.FormatBool(a.Brake), "until_lifted": strconv.FormatBool(a.Sticky),
			"alarm_id": strconv.FormatInt(a.ID, 10),
		},
	}
}

// camel makes foreign_use ForeignUse.
func camel(kind string) string {
	var s strings.Builder
	for word := range strings.SplitSeq(kind, "_") {
		if word != "" {
			s.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return s.String()
}

func (a alert) status() string {
	if a.endsAt.IsZero() {
		return "firing"
	}
	return "resolved"
}

// fingerprint is Prometheus' hash of the labels.
func (a alert) fingerprint() string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(a.labels)) {
		h.Write([]byte(name + "\xff" + a.labels[name] + "\xff"))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// common are the names with one value in all.
func common(alerts []alert, of func(alert) map[string]string) map[string]string {
	out := map[string]string{}
	for i, a := range alerts {
		if i == 0 {
			maps.Copy(out, of(a))
			continue
		}
		maps.DeleteFunc(out, func(name, value string) bool { return of(a)[name] != value })
	}
	return out
}
