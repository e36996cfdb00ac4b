package main

import (
	"context"
	"testing"
	"time"
)

// A minute of chaos: each fault strikes once, and every withdrawal is paid once.
func TestEachWithdrawalIsPaidOnceWhateverBreaks(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and breaks the real programs for a minute and a half")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := run(ctx, settings{
		length: 40 * time.Second, payments: 1600, daemons: 3, wallets: 6, rounds: 1, threatened: 1, seed: 5, faults: faults, out: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.of+" "+f.name, func(t *testing.T) {
			if n := r.tally(f.name); n.strikes < 1 || n.threatened < 1 {
				t.Errorf("it struck %d times and threatened %d payments", n.strikes, n.threatened)
			}
		})
	}
}
