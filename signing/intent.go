// Package signing holds the words that coffer and the signing machine (签名机) have in common: the intent, which says
// completely and in the chain's own terms what is to be signed; its digest; and the answer.
//
// An intent is never a hash to be signed blindly. The signing machine builds the transaction from it by itself, and the
// asking side compares what comes back with what it asked. The same digest gets the same answer, for ever.
package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version of the intent's encoding. It is part of what is digested, so a new meaning is always a new digest.
const Version = 1

// MaxNonce is the highest nonce that is ever handed out or signed: 2^53, so that no JSON reader rounds one.
const MaxNonce = 1 << 53

// Purpose says what an intent is for; the signing machine's rules differ by it.
type Purpose string

const (
	// PurposePayment pays a withdrawal, or a reservation used from Go.
	PurposePayment Purpose = "payment"
	// PurposeGapFill is a zero-value transfer from a wallet to itself, so that a nonce nobody will use does not hold up
	// those above it. It carries no payment id. Only EVM has it: a number of coffer's own holds nothing up.
	PurposeGapFill Purpose = "gap_fill"
	// PurposeCancel is a zero-value transfer from a wallet to itself at the nonce of a payment that is to be cancelled. It carries
	// that payment's id. Once it is signed, no payment that was not signed before is, for the nonce or the id. Only EVM has it.
	PurposeCancel Purpose = "cancel"
	// PurposeSweep moves an asset to a place that the machine's policy lists: from one of the exchange's wallets to another. It has a
	// payment id, as a payment has, and wants no authorization unless the policy says so.
	PurposeSweep Purpose = "sweep"
)

// Digest is SHA-256 over the canonical encoding of an intent.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Intent is one transaction to be signed, complete. Exactly one of the chain parts is set, that of ChainType.
type Intent struct {
	Version   int     `json:"version"`
	Ledger    string  `json:"ledger"`            // the asking ledger's own id; the key must be bound to it
	Payment   string  `json:"payment,omitempty"` // payment id: the request id, "#row" after it in a reservation of several; empty for a gap fill
	Purpose   Purpose `json:"purpose"`
	ChainType string  `json:"chain_type"` // evm, btc, solana
	ChainID   int64   `json:"chain_id"`
	From      string  `json:"from"`  // canonical address
	Nonce     uint64  `json:"nonce"` // the account nonce on EVM; elsewhere a sequence number of coffer's

	EVM    *EVMTransfer    `json:"evm,omitempty"`
	BTC    *BTCTransfer    `json:"btc,omitempty"`
	Solana *SolanaTransfer `json:"solana,omitempty"`
}

// Digest is SHA-256 over a domain prefix and the canonical encoding.
func (i Intent) Digest() Digest { return DigestOf(i.Canonical()) }

// DigestOf is the digest of the intent with this canonical encoding.
func DigestOf(canonical []byte) Digest {
	const prefix = "coffer intent\n"
	return sha256.Sum256(append(append(make([]byte, 0, len(prefix)+longIntent), prefix...), canonical...))
}

// Parse reads a canonical encoding. It is strict: an unknown field, trailing data, or an encoding other than the
// canonical one is refused, so that what is parsed has exactly the digest of what was read.
func Parse(b []byte) (Intent, error) {
	if i, ok := parseUsual(b); ok {
		return i, nil
	}
	return parseAny(b)
}

// parseAny reads the canonical encoding of any intent.
func parseAny(b []byte) (Intent, error) {
	var i Intent
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&i); err != nil {
		return Intent{}, fmt.Errorf("read intent: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Intent{}, errors.New("read intent: data after its end")
	}
	if !bytes.Equal(i.Canonical(), b) {
		return Intent{}, errors.New("read intent: not in its canonical encoding")
	}
	return i, nil
}
