package nonce

import (
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

func differs(known store.Request, c *call) error {
	return fault.New(fault.Refused, "request_differs", "use a new request id for a new payment",
		"request %s is a %s already: %q; asked for now: %q", known.ID, known.Kind, known.Content, c.content)
}

func inactive(w store.Wallet) error {
	return fault.New(fault.Refused, "wallet_inactive", fmt.Sprintf("coffer activate %s %d", w.Address, w.ChainID),
		"wallet %s on %s is not active", w.Address, poolOf(w))
}

// boundToInactive: the wallet of a repeated best call was not read, and only wallets that cannot be chosen are not.
func boundToInactive(r store.Request) error {
	return fault.New(fault.Refused, "wallet_inactive", "coffer list --inactive",
		"request %s is bound to wallet %d, which is not active", r.ID, r.WalletID)
}

func exhausted(w store.Wallet) error {
	return fault.New(fault.Refused, "nonce_too_high", fmt.Sprintf("coffer info %s %d", w.Address, w.ChainID),
		"the cursor of wallet %s on %s is at %d, and none goes above %d", w.Address, poolOf(w), w.Nonce, MaxCursor)
}

// unrecorded adds to a refusal that it could not be recorded. It stays the refusal that it is.
func unrecorded(refusal, cause error) error {
	return fault.Wrap(refusal, nil, fault.Code(refusal), fault.Hint(refusal),
		"refused, and the refusal could not be recorded (%v)", cause)
}
