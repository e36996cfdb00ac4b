package operators

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators/sshsig"
	"coffer.internal/internal/store"
)

// Keys are those of the person who acts: an ssh-agent's, or one in a file.
type Keys interface {
	// List lists the public keys.
	List(ctx context.Context) ([]ssh.PublicKey, error)
	// Sign has one of them sign. It may wait for a person to touch a security key, or to confirm.
	Sign(ctx context.Context, key ssh.PublicKey, payload []byte) (*ssh.Signature, error)
}

// Self is an operator at work: who, and what signs for him.
type Self struct {
	store.Operator
	key  ssh.PublicKey
	keys Keys
}

// Choose finds which operator somebody is who has these keys. With a name, he is that one. If only revoked ones match he is one of them: so
// it can be shown who tried. Nobody matches: fault.NotAllowed. Several do: fault.Usage.
func Choose(ctx context.Context, named []store.Operator, keys Keys, name string) (Self, error) {
	if keys == nil {
		return Self{}, Required("no key was given to sign with")
	}
	held, err := keys.List(ctx)
	if err != nil {
		return Self{}, fault.Wrap(err, fault.NotAllowed, "operator_required", hintKey, "an operator must sign this")
	}
	var good, revoked []Self
	for _, k := range held {
		i := slices.IndexFunc(named, func(o store.Operator) bool { return o.Fingerprint == ssh.FingerprintSHA256(k) })
		switch {
		case i < 0 || name != "" && named[i].Name != name:
		case named[i].RevokedAt.IsZero():
			good = append(good, Self{named[i], k, keys})
		default:
			revoked = append(revoked, Self{named[i], k, keys})
		}
	}
	switch {
	case len(good) == 1:
		return good[0], nil
	case len(good) > 1:
		names := make([]string, len(good))
		for i, s := range good {
			names[i] = s.Name
		}
		return Self{}, fault.New(fault.Usage, "which_operator", "say which: --operator NAME, or COFFER_OPERATOR", "the keys here are those of several operators: %s", strings.Join(names, ", "))
	case len(revoked) > 0:
		return revoked[0], nil
	case name != "":
		return Self{}, Required("none of the %d keys here is that of operator %s", len(held), clipped(name))
	}
	return Self{}, Required("none of the %d keys here is that of an operator", len(held))
}

const hintKey = "ssh-add the key that you were named with, or --operator-key FILE; `coffer operator list` shows who is named"

// Required is the refusal of who does not show that he is an operator.
func Required(format string, args ...any) error {
	return fault.New(fault.NotAllowed, "operator_required", hintKey, "an operator must sign this: "+format, args...)
}

// Sign has the operator's key sign a statement.
func (s Self) Sign(ctx context.Context, st Statement) (Signed, error) {
	text := st.Line()
	armored, err := sshsig.Sign(text, s.key, func(payload []byte) (*ssh.Signature, error) { return s.keys.Sign(ctx, s.key, payload) })
	if err == nil {
		err = sshsig.Verify(text, armored, s.key) // a touch that was not asked for, an agent that signs something else
	}
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return Signed{}, err
		}
		return Signed{}, fault.Wrap(err, fault.NotAllowed, "not_signed", "say it again, and touch the security key when it blinks; ssh-add -T tries the key", "the key of %s did not sign", s.Name)
	}
	return Signed{Statement: string(text), Signature: string(armored), Fingerprint: s.Fingerprint}, nil
}
