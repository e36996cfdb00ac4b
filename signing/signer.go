package signing

import (
	"context"
	"errors"
)

// RefusalKind says what a refusal means for the payment behind it.
type RefusalKind string

const (
	// RefusedForGood: this payment can never be signed, or no more; it ends as refused, if nothing that was signed for it can still
	// be mined.
	RefusedForGood RefusalKind = "permanent"
	// RefusedForNow: a limit or an authorization stood in the way, and the payment may be asked again, at another nonce if nothing is
	// signed for it; or the fees of a replacement were not higher, and a dearer one may be asked.
	RefusedForNow RefusalKind = "passing"
	// RefusedAsConflict: the payment id or the nonce is bound to something else; a person has to look.
	RefusedAsConflict RefusalKind = "conflict"
)

// Refusal is a journaled "no". That digest is never signed afterwards, and it occupies neither nonce nor payment id.
type Refusal struct {
	Kind   RefusalKind `json:"kind"`
	Code   string      `json:"code"` // snake_case, for programs
	Reason string      `json:"reason"`
}

// Answer is what the signing machine says to one intent: the signed bytes with their hash, or a refusal.
type Answer struct {
	Digest  Digest
	Raw     []byte // the signed transaction as the network takes it; nil when refused
	Hash    string // its transaction hash in the chain's notation; empty when refused
	Refusal *Refusal
	Receipt Receipt
}

// ErrNoAnswer is wrapped by every error that says nothing about what the signing machine did or will do: it is locked,
// overloaded, its journal cannot be written, the connection broke. The intent stays asked, and is asked again.
var ErrNoAnswer = errors.New("no answer from the signing machine")

// Request is an intent with the authorizations that came with the payment, as tokens (Authorization.Token). They are no part of the
// intent, or of its digest: a digest that has its answer gets it without any.
type Request struct {
	Intent         Intent
	Authorizations []string
}

// Batch is what is asked for at once.
type Batch struct {
	Held     Held // the highest receipt that the asker holds of the machine; without a ledger: nothing is said about it
	Requests []Request
}

// BatchOf is a batch of intents without authorizations.
func BatchOf(intents ...Intent) Batch {
	b := Batch{Requests: make([]Request, len(intents))}
	for i, intent := range intents {
		b.Requests[i].Intent = intent
	}
	return b
}

// Signer signs intents.
//
// Sign answers every request, in order, or none: an error means that nothing is known about any of them (ErrNoAnswer is
// wrapped). It is idempotent by digest. If the context ends half-way the machine may have signed all, some or none; asking
// again with exactly the same intents finds out.
type Signer interface {
	Sign(ctx context.Context, b Batch) ([]Answer, error)
}

// KeyRequest asks for a key of a chain type. The same non-empty Ref of the same ledger, chain type and network (main or
// test; the coin types of BIP-44 differ) gets the same key again; an empty one always gets a new key.
type KeyRequest struct {
	Ledger    string `json:"ledger"`
	ChainType string `json:"chain_type"` // evm, btc, solana
	ChainID   int64  `json:"chain_id"`
	Ref       string `json:"ref,omitempty"`
	// Account sets keys of different use apart, each in a hardened account of its own: hot (or empty), cold, vault.
	Account string `json:"account,omitempty"`
}

// Key is a key that a signing machine holds.
type Key struct {
	Address   string `json:"address"` // canonical for its chain type
	ChainType string `json:"chain_type"`
	Device    string `json:"device"` // fingerprint of the machine's identity key
	Path      string `json:"path"`   // derivation path, m/…
}

// Keys makes and finds keys.
type Keys interface {
	// NewKey makes a key bound to the ledger, or finds the one made for the same Ref.
	NewKey(ctx context.Context, r KeyRequest) (Key, error)
	// FindKey finds the key of an address that is bound to the ledger; ok is false if the machine holds no such key.
	FindKey(ctx context.Context, ledger, chainType, address string) (k Key, ok bool, err error)
}

// KnownKey is a key that a machine made for a ledger.
type KnownKey struct {
	Key
	Account string       // hot, cold, vault
	Chains  []KnownChain // where something is signed with it, or marked
}

// KnownChain is a chain on which a key signed.
type KnownChain struct {
	ChainID int64
	Next    uint64 // above every nonce that something is signed at, and at or above the mark
}

// KeyList is what a machine offers that tells which keys it made for a ledger, also those that never signed.
type KeyList interface {
	KeysOf(ctx context.Context, ledger string) ([]KnownKey, error)
}

// Status is what a signing machine tells about itself.
type Status struct {
	Device   string `json:"device"`   // fingerprint of its identity key, as in internal_wallets.device
	Identity []byte `json:"identity"` // that key, Ed25519: what receipts are verified with; base64
	Locked   bool   `json:"locked"`   // it signs nothing until it is served again
	Frozen   string `json:"frozen"`   // why it signs nothing until officers unfreeze it; empty: it is not frozen
	Policy   string `json:"policy"`   // hash of the policy in force
	Keys     int    `json:"keys"`     // keys made so far
	Signed   int    `json:"signed"`   // intents signed so far
	Refused  int    `json:"refused"`  // intents refused so far
	Released int    `json:"released"` // nonces closed by a release so far
	Version  string `json:"version"`
}

// Frozen is a freeze of a machine: it signs nothing until officers unfreeze it.
type Frozen struct {
	ID      string `json:"freeze"` // of this freeze and all its reasons
	Why     string `json:"why"`    // all reasons, with who and when
	Already bool   `json:"already_frozen"`
	Device  string `json:"device"` // of the machine; empty: it did not tell
}

// Machine is a signing machine as coffer uses it.
type Machine interface {
	Signer
	Keys
	// Status answers even when the machine is locked.
	Status(ctx context.Context) (Status, error)
}
