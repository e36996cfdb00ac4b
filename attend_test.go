package coffer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/fault"
)

// A program of the exchange's own shows in cache-status while it attends, and clear-cache reaches it.
func TestAProgramThatAttendsIsAnInstance(t *testing.T) {
	e := openExchange(t.Context(), 1)
	defer e.close()
	s := e.open(t, coffer.Options{})
	if err := s.Attend(t.Context(), "Pay outs"); !errors.Is(err, fault.Usage) || fault.Hint(err) == "" {
		t.Errorf("a kind that is no word: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	attended := make(chan error, 1)
	go func() { attended <- s.Attend(ctx, "payouts") }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; {
		st, err := s.CacheStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Live()) == 1 && st.Instances[0].Kind == "payouts" && st.Instances[0].Version == coffer.Version {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not show: %+v", st)
		}
		<-tick.C
	}
	c, err := s.ClearCache(t.Context())
	if err != nil || len(c.Acknowledged) != 1 || c.Acknowledged[0].Kind != "payouts" {
		t.Errorf("ClearCache = %+v, %v", c, err)
	}
	stop()
	if err := <-attended; err != nil {
		t.Errorf("Attend = %v", err)
	}
	if st, err := s.CacheStatus(t.Context()); err != nil || len(st.Instances) != 0 {
		t.Errorf("it has left: %+v, %v", st, err)
	}
}
