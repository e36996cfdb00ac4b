package coffer_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/reconcile"
	"coffer.internal/withdrawal"
)

// laterBy is a clock that is ahead.
func laterBy(d time.Duration) coffer.Options {
	return coffer.Options{Now: func() time.Time { return time.Now().Add(d) }}
}

// marks are what the series of reconciliations left, newest first.
func marks(t *testing.T, s *coffer.System) (all []reconcile.Mark) {
	t.Helper()
	rows, err := s.Audit(t.Context(), coffer.AuditFilter{Action: "reconcile", Subject: "ledger"})
	check(err)
	for _, r := range rows {
		m, err := reconcile.ParseMark(r.After)
		check(err)
		all = append(all, m)
	}
	return all
}

func alarmsOf(t *testing.T, s *coffer.System, kind withdrawal.AlarmKind) (of []coffer.Alarm) {
	t.Helper()
	open, err := s.Alarms(t.Context(), false)
	check(err)
	for _, a := range open {
		if a.Kind == string(kind) {
			of = append(of, a)
		}
	}
	return of
}

func TestTheLedgerIsReconciledEveryDayAndADifferenceIsNotForgotten(t *testing.T) {
	e := openExchange(t.Context(), 1)
	defer e.close()
	s := e.open(t, coffer.Options{})
	w, _, err := s.Withdrawals.Submit(t.Context(), withdrawal.Request{ID: "a", ChainID: e.chainID, To: "0x52908400098527886E0F7030069857D2E4169EE7", Amount: "1"})
	check(err)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	w, err = s.Withdrawals.Wait(t.Context(), w.Request, withdrawal.Final, 20*time.Millisecond)
	stop()
	<-ran
	if err != nil || w.Outcome != withdrawal.Paid {
		t.Fatalf("%+v, %v", w, err)
	}
	change := func(statement string) {
		raw, err := sql.Open("sqlite", filepath.Join(e.home, "coffer.db"))
		check(err)
		_, err = raw.Exec(statement)
		check(err)
		check(raw.Close())
	}
	change("UPDATE attempts SET fee = fee || '0'")
	const day = 24 * time.Hour
	for _, c := range []struct {
		what               string
		after              time.Duration
		runs               int
		differences, ended int // of the newest run
		alarms             int
	}{
		{"on the first day", 0, 0, 0, 0, 0},
		{"after a day", day + time.Hour, 1, 1, 1, 1},
		{"after a restart", day + 2*time.Hour, 1, 1, 1, 1},
		{"after another day it is still looked at", 2*day + 2*time.Hour, 2, 1, 1, 1},
		{"mended", 3*day + 3*time.Hour, 3, 0, 1, 0},
		{"after a clean one the next looks on", 4*day + 4*time.Hour, 4, 0, 0, 0},
	} {
		if c.what == "mended" {
			change("UPDATE attempts SET fee = substr(fee, 1, length(fee) - 1)")
		}
		s := e.open(t, laterBy(c.after))
		for range 2 {
			check(coffer.ReconcileIfDue(t.Context(), s, day))
		}
		got, open := marks(t, s), alarmsOf(t, s, withdrawal.AlarmReconcileDiffers)
		if len(got) != c.runs || len(open) != c.alarms || c.runs > 0 && (got[0].Differences != c.differences || got[0].Ended != c.ended || got[0].Unchecked != 0) {
			t.Fatalf("%s: %+v, %d alarms", c.what, got, len(open))
		}
		if c.alarms > 0 && (!strings.Contains(open[0].ToDo, "coffer reconcile --chain-id 1337") || open[0].Brake) {
			t.Errorf("%+v", open[0])
		}
	}
}

// A run over a part says nothing about the rest: it neither raises nor ends an alarm, and the series goes on where it was.
func TestAPartIsNotTheWholeLedger(t *testing.T) {
	e := openExchange(t.Context(), 1)
	defer e.close()
	s := e.open(t, coffer.Options{})
	for _, o := range []coffer.ReconcileOptions{{Since: time.Now().Add(-time.Hour)}, {Until: time.Now()}, {ChainID: &e.chainID}} {
		_, err := s.Reconcile(t.Context(), o)
		check(err)
	}
	if got := marks(t, s); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	_, err := s.Reconcile(t.Context(), coffer.ReconcileOptions{})
	check(err)
	if got := marks(t, s); len(got) != 1 || !got[0].Since.IsZero() || got[0].Wallets != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAuditRowsThatWaitTooLongToBeSealedAreAnAlarm(t *testing.T) {
	e := openExchange(t.Context(), 1)
	defer e.close()
	s := e.open(t, coffer.Options{})
	check(coffer.WatchSeals(t.Context(), s))
	if open := alarmsOf(t, s, withdrawal.AlarmAuditUnsealed); len(open) != 0 {
		t.Errorf("at once: %+v", open)
	}
	s = e.open(t, laterBy(31*time.Second))
	for range 2 {
		check(coffer.WatchSeals(t.Context(), s))
	}
	if open := alarmsOf(t, s, withdrawal.AlarmAuditUnsealed); len(open) != 1 || !strings.Contains(open[0].Why, "wait to be sealed since 2") || open[0].ToDo == "" {
		t.Errorf("after 31 seconds: %+v", open)
	}
	_, err := s.CreateAuditKey(t.Context())
	check(err)
	_, err = s.SealAudit(t.Context())
	check(err)
	check(coffer.WatchSeals(t.Context(), s))
	if open := alarmsOf(t, s, withdrawal.AlarmAuditUnsealed); len(open) != 0 {
		t.Errorf("sealed: %+v", open)
	}
	rows, err := s.Audit(t.Context(), coffer.AuditFilter{Action: "alarm.", Subject: "audit_unsealed::0"})
	if err != nil || len(rows) != 2 {
		t.Errorf("its records are %+v, %v", rows, err)
	}
}
