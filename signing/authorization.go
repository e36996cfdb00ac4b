package signing

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"time"
)

// AuthorizationPrefix begins the encoding of every authorization of this version, and its token.
const AuthorizationPrefix = "coffer-authorization-1"

// Authorization is what somebody who may allow payments says: this may be paid. coffer only carries it; the signing machine's policy
// names whose signatures it wants. It allows one payment: the machine binds a payment id to one slot, whatever is authorized again.
type Authorization struct {
	Ledger    string // the ledger that pays
	Payment   string // payment id: the request id, "#row" after it in a reservation of several
	ChainType string // evm, btc, solana
	ChainID   int64
	To        string    // who is paid, a canonical address
	Asset     string    // contract or mint, canonical; empty: the chain's own coin
	Amount    string    // base units, decimal, in its shortest form
	MaxFee    string    // the most that the transaction which pays it may cost, fee replacements too: base units of the chain's own coin
	Issued    time.Time // whole seconds
	Expires   time.Time // whole seconds: from then on it is worth nothing to a payment that is bound nowhere
}

// Encode is the one encoding of an authorization, and what is signed: ten fields, in the order of the struct (token.go).
func (a Authorization) Encode() []byte {
	return encodeStatement(AuthorizationPrefix,
		a.Ledger, a.Payment, a.ChainType, number64(uint64(a.ChainID)), a.To, a.Asset, a.Amount, a.MaxFee,
		seconds64(a.Issued), seconds64(a.Expires))
}

// DecodeAuthorization reads an encoding. What it reads, encodes to the same bytes.
func DecodeAuthorization(b []byte) (Authorization, error) {
	f, err := decodeStatement(AuthorizationPrefix, b, 10)
	if err != nil {
		return Authorization{}, fmt.Errorf("read authorization: %w", err)
	}
	if !isNumber64(f[3]) || !isNumber64(f[8]) || !isNumber64(f[9]) {
		return Authorization{}, errors.New("read authorization: a number or time is not eight bytes long")
	}
	if read64(f[3]) > math.MaxInt64 || read64(f[8]) > maxSeconds || read64(f[9]) > maxSeconds {
		return Authorization{}, errors.New("read authorization: a number or time is out of range")
	}
	a := Authorization{
		Ledger: f[0], Payment: f[1], ChainType: f[2], ChainID: int64(read64(f[3])), To: f[4], Asset: f[5],
		Amount: f[6], MaxFee: f[7], Issued: readSeconds(f[8]), Expires: readSeconds(f[9]),
	}
	if !bytes.Equal(a.Encode(), b) {
		return Authorization{}, errors.New("read authorization: not in its canonical encoding")
	}
	return a, nil
}

// maxSeconds is the last second that every library can write as a date: the end of the year 9999.
const maxSeconds = 253402300799

// Token signs the authorization and writes it with the signature as text.
func (a Authorization) Token(key ed25519.PrivateKey) string {
	return writeToken(AuthorizationPrefix, a.Encode(), key)
}

// SignedAuthorization is an authorization with the key whose signature over it was verified.
type SignedAuthorization struct {
	Authorization
	Key ed25519.PublicKey
}

// ParseAuthorization reads a token and verifies that its signature is that of its key. It does not know whose key that is, and does
// not look at a clock.
func ParseAuthorization(token string) (SignedAuthorization, error) {
	statement, key, err := readToken(AuthorizationPrefix, token)
	if err != nil {
		return SignedAuthorization{}, fmt.Errorf("read authorization: %w", err)
	}
	a, err := DecodeAuthorization(statement)
	return SignedAuthorization{a, key}, err
}

// Differs names the first thing in which an authorization is not for what an intent pays, or is "". It is for payments alone.
func (a Authorization) Differs(i Intent) string {
	to, asset, amount := i.Pays()
	switch {
	case a.Ledger != i.Ledger:
		return differs("ledger", a.Ledger, i.Ledger)
	case a.Payment != i.Payment:
		return differs("payment", a.Payment, i.Payment)
	case a.ChainType != i.ChainType:
		return differs("chain_type", a.ChainType, i.ChainType)
	case a.ChainID != i.ChainID:
		return differs("chain_id", fmt.Sprint(a.ChainID), fmt.Sprint(i.ChainID))
	case a.To != to:
		return differs("to", a.To, to)
	case a.Asset != asset:
		return differs("asset", a.Asset, asset)
	case a.Amount != amount:
		return differs("amount", a.Amount, amount)
	}
	return ""
}

func differs(name, authorized, asked string) string {
	return fmt.Sprintf("%s: %q is authorized, not %q", name, authorized, asked)
}
