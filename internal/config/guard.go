package config

import (
	"net/url"
	"time"

	"coffer.internal/wallet"
)

// Alarms says who is told of alarms. Both may be empty; the URLs may hold secrets.
type Alarms struct {
	Webhook      string // gets them in the form in which Alertmanager tells webhooks
	Alertmanager string // an Alertmanager, which sends them on
}

// alarmsTable is [alarms].
type alarmsTable struct {
	Webhook      *string `toml:"webhook"`
	Alertmanager *string `toml:"alertmanager"`
}

// bounds are when a chain's head is too old, and its transactions are stuck. A development chain may stand still for ever; of
// the others' blocks some may be missed.
func bounds(k known) (headMaxAge, stuckAfter time.Duration) {
	switch {
	case k.chainType != wallet.EVM, k.id == 1337, k.id == 31337:
		return 0, 5 * time.Minute
	case k.id == 1, k.id == 11155111:
		return 5 * time.Minute, 15 * time.Minute
	case k.name == unknownName(k.chainType, k.id):
		return 10 * time.Minute, 15 * time.Minute
	}
	return 2 * time.Minute, 5 * time.Minute
}

func (f *file) guard(c *Chain, at string, k known, t chainTable) (err error) {
	headMaxAge, stuckAfter := bounds(k)
	if c.HeadMaxAge, err = f.duration(at+"head_max_age", t.HeadMaxAge, headMaxAge, 0, 24*time.Hour); err != nil {
		return err
	}
	c.StuckAfter, err = f.duration(at+"stuck_after", t.StuckAfter, stuckAfter, time.Second, 7*24*time.Hour)
	return err
}

func (f *file) alarms() (a Alarms, err error) {
	if f.Alarms == nil {
		return a, nil
	}
	if a.Webhook, err = f.receiver("alarms.webhook", f.Alarms.Webhook); err != nil {
		return a, err
	}
	a.Alertmanager, err = f.receiver("alarms.alertmanager", f.Alarms.Alertmanager)
	return a, err
}

// receiver is where alarms are posted to; empty is nowhere.
func (f *file) receiver(key string, value *string) (string, error) {
	if value == nil || *value == "" {
		return "", nil
	}
	u, err := url.Parse(*value)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
		return "", f.bad(key, "write http://HOST:PORT/… or https://…; empty: nobody is told", "%q is not where alarms can be posted to", RedactURL(*value))
	}
	return *value, nil
}
