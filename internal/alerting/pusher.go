package alerting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"coffer.internal/internal/store"
)

// Options say who is told, and of what.
type Options struct {
	Ledger string // the ledger's id: alerts of two ledgers are never the same
	// Webhook and Alertmanager are where to; empty: nobody. Their names stand for them in logs.
	Webhook, WebhookName           string
	Alertmanager, AlertmanagerName string
	// Alarms reads the open alarms, and those that ended after a moment.
	Alarms func(ctx context.Context, since time.Time) ([]store.Alarm, error)
	Every  time.Duration    // how often they are read; default 2 s
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default: nothing is logged
}

// Pusher tells receivers of alarms.
type Pusher struct {
	o         Options
	client    *http.Client
	receivers []*receiver
}

// receiver is one of those who are told.
type receiver struct {
	name, url string
	body      func(alerts []alert, rest int) ([]byte, error)
	told      *told
	silent    bool // it was logged that it takes nothing
}

// New makes a Pusher. It does nothing before Run.
func New(o Options) (*Pusher, error) {
	if o.Every == 0 {
		o.Every = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pusher{o: o, client: &http.Client{
		Timeout: 10 * time.Second,
		// Whoever is redirected to may be anybody.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if o.Webhook != "" {
		p.receivers = append(p.receivers, &receiver{name: o.WebhookName, url: o.Webhook, told: newTold(false), body: func(as []alert, rest int) ([]byte, error) {
			return webhookBody(o.Ledger, as, rest)
		}})
	}
	if o.Alertmanager != "" {
		api, err := url.JoinPath(o.Alertmanager, "api/v2/alerts")
		if err != nil {
			return nil, fmt.Errorf("%s is no URL", o.AlertmanagerName)
		}
		p.receivers = append(p.receivers, &receiver{name: o.AlertmanagerName, url: api, told: newTold(true), body: func(as []alert, _ int) ([]byte, error) {
			return alertmanagerBody(as, o.Now())
		}})
	}
	return p, nil
}

// Run tells until ctx ends, each receiver for itself: one that hangs holds up no other.
func (p *Pusher) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, r := range p.receivers {
		all.Go(func() { p.serve(ctx, r) })
	}
	all.Wait()
}

func (p *Pusher) serve(ctx context.Context, r *receiver) {
	tick := time.NewTicker(p.o.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		if p.pass(ctx, r) {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// pass tells a receiver what it does not know, and says whether there is more.
func (p *Pusher) pass(ctx context.Context, r *receiver) (more bool) {
	now := p.o.Now()
	as, err := p.o.Alarms(ctx, r.told.since(now))
	if err != nil {
		return false // the daemon's own steps say so
	}
	due, rest := r.told.due(now, as)
	if len(due) == 0 {
		return false
	}
	alerts := make([]alert, len(due))
	for i, a := range due {
		alerts[i] = alertOf(a, p.o.Ledger)
	}
	err = p.post(ctx, r, alerts, rest)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		wait := r.told.refused(p.o.Now())
		if !r.silent {
			p.o.Log.Warn("alarms cannot be told; it is tried again", "to", r.name, "error", err, "in", wait)
		}
		r.silent = true
		return false
	case r.silent:
		p.o.Log.Info("alarms are told again", "to", r.name)
		r.silent = false
	}
	r.told.took(p.o.Now(), due, as)
	return rest > 0
}

// post sends one message. Its errors name no URL: a key may stand in that.
func (p *Pusher) post(ctx context.Context, r *receiver, alerts []alert, rest int) error {
	body, err := r.body(alerts, rest)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL cannot be asked")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "coffer")
	res, err := p.client.Do(req)
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection serves again
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s", res.Status)
	}
	return nil
}
