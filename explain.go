package coffer

import (
	"context"
	"time"

	"coffer.internal/withdrawal"
)

// askSignerWithin is how long an explanation waits for the signing machine.
const askSignerWithin = 3 * time.Second

// Explain says why a payment is not final yet, what comes next, and what a person can run. It asks the signing machine how it does,
// and no node.
func (s *System) Explain(ctx context.Context, request string) (withdrawal.Explanation, error) {
	runs, err := s.DaemonRuns(ctx)
	if err != nil {
		return withdrawal.Explanation{}, err
	}
	o := withdrawal.Outside{NoDaemon: !runs, Signer: withdrawal.SignerReady}
	asking, cancel := context.WithTimeout(ctx, askSignerWithin)
	defer cancel()
	switch st, err := s.machine.Status(asking); {
	case err != nil:
		o.Signer = withdrawal.SignerSilent
	case st.Frozen != "":
		o.Signer, o.Frozen, o.Device = withdrawal.SignerFrozen, st.Frozen, st.Device
	case st.Locked:
		o.Signer, o.Device = withdrawal.SignerLocked, st.Device
	default:
		o.Device = st.Device
	}
	return s.Withdrawals.Explain(ctx, request, o)
}
