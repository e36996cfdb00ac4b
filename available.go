package coffer

import (
	"context"

	"coffer.internal/nonce"
)

// Available says whether a wallet that Nonces.Info read can be chosen for the next payment or reservation, and if not, why and
// what changes that. Funds are not looked at: they are judged for each payment.
func (s *System) Available(ctx context.Context, i nonce.Info) (nonce.Availability, error) {
	maxUnmined := 0
	for _, c := range s.chains {
		if c.Type == string(i.Wallet.ChainType) && c.ID == i.Wallet.ChainID {
			maxUnmined = c.MaxUnmined
		}
	}
	a, err := s.Nonces.Available(ctx, i, maxUnmined)
	if err != nil || !a.OK() {
		return a, err
	}
	// Choosing does not mind a locked or frozen machine, because what is asked for waits and is signed later. A person does.
	switch st, err := s.machine.Status(ctx); {
	case err != nil:
	case st.Frozen != "":
		return nonce.Availability{
			Why:  "its signing machine is frozen, so what is asked for waits: " + st.Frozen,
			Hint: "coffer-signer status tells why; coffer-signer unfreeze, by two officers, when that is over",
		}, nil
	case st.Locked:
		return nonce.Availability{
			Why:  "its signing machine is locked: what is asked for waits",
			Hint: "stop that process, then coffer-signer serve --passphrase-file FILE",
		}, nil
	}
	return a, ctx.Err()
}
