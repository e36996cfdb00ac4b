package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"filippo.io/edwards25519"

	"coffer.internal/signing"
)

// The most that a policy holds: beyond it, nobody reads it.
const (
	maxAuthorizers = 64
	maxRules       = 256
)

// Parse reads a policy. It is strict: an unknown key, a value that cannot be right, or rules that contradict themselves or each other
// refuse the whole file (fault.Usage), with the place, the value and what to do.
func Parse(text []byte) (*Policy, error) {
	f, err := readFile(text)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	p := &Policy{hash: "SHA256:" + hex.EncodeToString(sum[:]), byKey: map[string]Authorizer{}}
	if len(f.Authorizer) > maxAuthorizers || len(f.Rule) > maxRules {
		return nil, bad("the policy has %d authorizers and %d rules; at most %d and %d are read", len(f.Authorizer), len(f.Rule), maxAuthorizers, maxRules)
	}
	for n, t := range f.Authorizer {
		if err := p.addAuthorizer(n, t); err != nil {
			return nil, err
		}
	}
	if officers := p.Officers(); len(officers) == 1 {
		return nil, bad("%q is the only officer: what officers do takes two different ones; name another, or none", officers[0].Name)
	}
	for n, t := range f.Rule {
		if err := p.addRule(n, t); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// names is what a name may be: it stands in sentences, refusals and counters.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$`)

// readName reads the name of the n-th table of a kind.
func readName(kind string, n int, name *string) (string, error) {
	switch {
	case name == nil:
		return "", bad("%s %d has no name", kind, n+1)
	case !names.MatchString(*name):
		return "", bad("%s %d: name = %q is not 1 to 64 letters, digits, blanks, \"-\", \"_\" and \".\", with a letter or digit first", kind, n+1, *name)
	}
	return *name, nil
}

func (p *Policy) addAuthorizer(n int, t authorizerTable) error {
	name, err := readName("authorizer", n, t.Name)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("authorizer %q", name)
	if t.Role == nil || !slices.Contains(roles[:], Role(*t.Role)) {
		return bad("%s: role = %s is not \"service\", \"risk\" or \"officer\"", where, shown(t.Role))
	}
	if t.Key == nil {
		return bad("%s has no key", where)
	}
	key, why := ReadKey(*t.Key)
	if why != "" {
		return bad("%s: key %s", where, why)
	}
	a := Authorizer{name, Role(*t.Role), key, signing.Fingerprint(key)}
	if slices.ContainsFunc(p.authorizers, func(b Authorizer) bool { return b.Name == name }) {
		return bad("two authorizers are called %q", name)
	}
	if b, twice := p.byKey[string(key)]; twice {
		return bad("authorizers %q and %q have the same key: one hand would count as two", b.Name, name)
	}
	p.authorizers, p.byKey[string(key)] = append(p.authorizers, a), a
	return nil
}

func shown(s *string) string {
	if s == nil {
		return "nothing"
	}
	return fmt.Sprintf("%q", *s)
}

// keyPrefix begins a public key as a policy has it.
const keyPrefix = "ed25519:"

// WriteKey writes a public key as a policy has it: "ed25519:" and the base64 (RFC 4648, with padding) of its 32 bytes.
func WriteKey(key ed25519.PublicKey) string {
	return keyPrefix + base64.StdEncoding.EncodeToString(key)
}

// ReadKey reads a public key as WriteKey writes it, or says what is wrong. A key of small order is none: anybody can sign with it.
func ReadKey(s string) (key ed25519.PublicKey, why string) {
	text, ok := strings.CutPrefix(s, keyPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(raw) != ed25519.PublicKeySize || WriteKey(raw) != s {
		return nil, fmt.Sprintf("= %q is not \"ed25519:\" and the base64 of 32 bytes", s)
	}
	point, err := new(edwards25519.Point).SetBytes(raw)
	if err != nil || point.MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return nil, fmt.Sprintf("= %q is no Ed25519 key", s)
	}
	return raw, ""
}
