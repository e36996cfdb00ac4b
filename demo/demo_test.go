package main

import (
	"context"
	"os"
	"testing"
	"time"
)

// The demo itself, smaller: every withdrawal is paid once though the daemon is killed three times.
func TestTheDemoPaysEachWithdrawalOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the real programs")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s := &show{settings: settings{count: 600, callers: 16, wallets: 4, json: true}, bar: newBar(os.Stderr, true)}
	err := s.play(ctx)
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		t.Fatal(err)
	}
	if !s.report.good() || s.report.Kills != len(kills) {
		t.Errorf("the count on the chain: %+v", s.report)
	}
}
