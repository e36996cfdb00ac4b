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
		if _, err := e.Pay(w.Context(), w.reserve(w.wallets[0], "reserved", 1), 0, withdrawal.PayRequest{To: w.recipient(), Amount: "1"}); !errors.Is(err, halt) {
			w.Errorf("Pay = %v", err)
		}
		d := withdrawal.NewDesk(withdrawal.DeskOptions{DB: w.db, Chains: []withdrawal.ChainSetup{w.setup}, Actor: "tester", Halted: func(context.Context) error { return halt }})
		defer d.Close()
		if _, _, err := d.Submit(w.Context(), withdrawal.Request{ID: "r"}); !errors.Is(err, halt) {
			w.Errorf("Submit = %v", err)
		}
		if _, err := d.Collect(w.Context()); !errors.Is(err, halt) {
			w.Errorf("Collect = %v", err)
		}
	})
}
