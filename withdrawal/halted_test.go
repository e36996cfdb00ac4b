package withdrawal_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"coffer.internal/withdrawal"
)

// While nothing new is to be done, what is out is followed, and that is all.
func TestAHaltedEngineOnlyFollows(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		halt := errors.New("not by these settings")
		e := withdrawal.NewEngine(withdrawal.EngineOptions{
			DB: w.db, Ledger: w.ledger, Machine: w.machine, Journal: w.journaling, Chains: []withdrawal.ChainSetup{w.setup}, Actor: "tester", Holder: w.holder,
			Halted: func(context.Context) error { return halt },
		})
		var halted []string
		for _, s := range e.Steps() {
			if _, err := s.Pass(w.Context()); errors.Is(err, halt) {
				halted = append(halted, s.Name)
			}
		}
		if want := []string{"bind", "mend", "sign", "send"}; !slices.Equal(halted, want) {
			w.Errorf("halted: %v, want %v", halted, want)
		}
	})
}
