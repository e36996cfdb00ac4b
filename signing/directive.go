package signing

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"
)

// DirectivePrefix begins the encoding of every directive of this version, and its token.
const DirectivePrefix = "coffer-directive-1"

// The actions that officers direct.
const (
	ActionRelease  = "release"  // Subject: ledger, payment id and place, as `coffer-signer release --show` prints it
	ActionUnfreeze = "unfreeze" // Subject: the id of the freeze
	ActionLoad     = "load"     // Subject: SHA-256 of the file, hex
	ActionPolicy   = "policy"   // Subject: the hash of the policy that is to be installed
)

// Directive is what an officer says to one signing machine: do this. The subject is so exact that a directive which was obeyed says
// nothing new when it is said again.
type Directive struct {
	Device  string // fingerprint of the machine that is to do it
	Action  string
	Subject string
	Issued  time.Time // whole seconds
	Expires time.Time
}

// Encode is the one encoding of a directive, and what is signed: five fields, in the order of the struct (token.go).
func (d Directive) Encode() []byte {
	return encodeStatement(DirectivePrefix, d.Device, d.Action, d.Subject, seconds64(d.Issued), seconds64(d.Expires))
}

// Token signs the directive and writes it with the signature as text.
func (d Directive) Token(key ed25519.PrivateKey) string {
	return writeToken(DirectivePrefix, d.Encode(), key)
}

// SignedDirective is a directive with the key whose signature over it was verified.
type SignedDirective struct {
	Directive
	Key ed25519.PublicKey
}

// ParseDirective reads a token and verifies that its signature is that of its key. It does not know whose key that is.
func ParseDirective(token string) (SignedDirective, error) {
	statement, key, err := readToken(DirectivePrefix, token)
	if err != nil {
		return SignedDirective{}, fmt.Errorf("read directive: %w", err)
	}
	f, err := decodeStatement(DirectivePrefix, statement, 5)
	if err != nil {
		return SignedDirective{}, fmt.Errorf("read directive: %w", err)
	}
	if !isNumber64(f[3]) || !isNumber64(f[4]) || read64(f[3]) > maxSeconds || read64(f[4]) > maxSeconds {
		return SignedDirective{}, errors.New("read directive: a time is not eight bytes long, or out of range")
	}
	d := Directive{Device: f[0], Action: f[1], Subject: f[2], Issued: readSeconds(f[3]), Expires: readSeconds(f[4])}
	if !bytes.Equal(d.Encode(), statement) {
		return SignedDirective{}, errors.New("read directive: not in its canonical encoding")
	}
	return SignedDirective{d, key}, nil
}
