package withdrawal

import (
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// The clock was a year ahead when something was written, and has been set right since.
func TestNothingWaitsForAYearAfterAClockWentBackF36(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	future := now.Add(365 * 24 * time.Hour)

	if over(time.Second, now.Add(-time.Second/2), now) || !over(time.Second, now.Add(-time.Second), now) {
		t.Error("a second is not a second")
	}
	for _, a := range []store.Attempt{
		{State: store.AttemptSent, SentAt: future, UpdatedAt: future},
		{State: store.AttemptSigned, Note: "busy: txpool is full", UpdatedAt: future},
	} {
		l := &lane{leases: &leases{}, setup: ChainSetup{Poll: time.Second}} // what it holds was sent before
		if !l.isDue(a, now) {
			t.Errorf("what is %s is not sent again before %s", a.State, future)
		}
	}

	a := asides{}
	a.put("p", future)
	if a.at("p", now) {
		t.Error("a payment is left alone for a year")
	}
	a.put("p", now)
	if !a.at("p", now.Add(asideFor-time.Second)) || a.at("p", now.Add(asideFor)) {
		t.Error("a payment is not left alone for as long as it should be")
	}
}
