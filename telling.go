package coffer

import (
	"context"
	"time"

	"coffer.internal/internal/alerting"
	"coffer.internal/internal/config"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// lockAlarms lets one process per ledger tell others of alarms.
const lockAlarms = "alarms"

// tellAgain is how often a process asks whether it may tell of alarms.
const tellAgain = 5 * time.Second

// telling tells the receivers of the settings of alarms, unless another process of the ledger does, until leave is called, which
// waits for the end of it.
func (s *System) telling(ctx context.Context) (leave func(), err error) {
	if s.config.Alarms == (config.Alarms{}) {
		return func() {}, nil
	}
	ledger, err := s.db.Ledger(ctx)
	if err != nil {
		return nil, storefault.Of(err, "read the ledger's id")
	}
	c := s.config.Alarms
	p, err := alerting.New(alerting.Options{
		Ledger: ledger, Log: s.log,
		Webhook: c.Webhook, WebhookName: "webhook " + config.RedactURL(c.Webhook),
		Alertmanager: c.Alertmanager, AlertmanagerName: "alertmanager " + config.RedactURL(c.Alertmanager),
		Alarms: s.Withdrawals.AlarmsSince,
	})
	if err != nil {
		return nil, err
	}
	return running(ctx, func(ctx context.Context) {
		tick := time.NewTicker(tellAgain)
		defer tick.Stop()
		for ctx.Err() == nil {
			s.tell(ctx, p)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}), nil
}

// tell tells for as long as this process is the one that does.
func (s *System) tell(ctx context.Context, p *alerting.Pusher) {
	hold, err := s.db.Hold(ctx, lockAlarms)
	if err != nil {
		return // another process tells, or the database is away
	}
	_ = whileHeld(ctx, hold, func(ctx context.Context) error {
		p.Run(ctx)
		return nil
	})
	if err := hold.Release(); err != nil {
		s.log.Warn("the lock of whoever tells of alarms could not be given back", "error", err)
	}
}

// whileHeld runs something with a context that ends when the lock is lost.
func whileHeld(ctx context.Context, hold store.Hold, run func(context.Context) error) error {
	held, lose := context.WithCancel(ctx)
	watched := running(held, func(ctx context.Context) {
		select {
		case <-hold.Lost():
			lose()
		case <-ctx.Done():
		}
	})
	defer func() {
		lose()
		watched()
	}()
	return run(held)
}

// running runs something in a goroutine of its own until leave is called, which ends its context and waits for it.
func running(ctx context.Context, run func(context.Context)) (leave func()) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	return func() {
		stop()
		<-ended
	}
}

// looking is running, for what looks at once and then every so often.
func looking(ctx context.Context, every time.Duration, look func(context.Context)) (leave func()) {
	return running(ctx, func(ctx context.Context) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			look(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
}

// beside starts what runs beside the engine, until leave is called.
func (s *System) beside(ctx context.Context) (leave func(), err error) {
	s.warnOpen(ctx)
	told, err := s.telling(ctx)
	if err != nil {
		return nil, err
	}
	metered, err := s.metered()
	if err != nil {
		told()
		return nil, err
	}
	sealed, err := s.sealing(ctx)
	if err != nil {
		metered()
		told()
		return nil, err
	}
	backedUp, err := s.backingUp(ctx)
	if err != nil {
		sealed()
		metered()
		told()
		return nil, err
	}
	reconciled := s.reconciling(ctx)
	watched := s.watchingSettings(ctx)
	return func() {
		watched()
		reconciled()
		backedUp()
		metered()
		told()
		sealed()
	}, nil
}
