package signing

import (
	"context"
	"time"
)

// Releases is what a signing machine can tell beside Machine: where it has bound a payment, and whether a person has released it
// from there. A release is recorded at the machine itself and nowhere else; there is no way to ask for one here.
type Releases interface {
	// Released says where a payment id of a ledger stands. It answers even when the machine is locked.
	Released(ctx context.Context, ledger, payment string) (PaymentState, error)
}

// PaymentState is where a payment id stands at a signing machine. After a release it names the old place, until the payment is
// signed at its new one; from then on it names the new one, which is not released.
type PaymentState struct {
	Bound     bool   `json:"bound"` // something is signed for it; if not, nothing else here is set
	ChainType string `json:"chain_type,omitempty"`
	ChainID   int64  `json:"chain_id,omitempty"`
	Address   string `json:"address,omitempty"`
	Nonce     uint64 `json:"nonce"`
	Cancelled bool   `json:"cancelled"` // a cancellation is signed: no payment is, that was not before

	Released   bool      `json:"released"` // that nonce is closed for ever; the payment may be signed at one other
	ReleasedAt time.Time `json:"released_at,omitzero"`
	ReleasedBy string    `json:"released_by,omitempty"` // user of the signing machine's own system
	Reason     string    `json:"reason,omitempty"`
}
