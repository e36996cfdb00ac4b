package operators

import (
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"coffer.internal/internal/operators/sshsig"
	"coffer.internal/internal/store"
)

// Signed is a statement with the signature over it. Audit rows hold a list of them: of what two people did, the proposal first.
type Signed struct {
	Statement   string `json:"statement"`   // the line, exactly
	Signature   string `json:"signature"`   // armored SSHSIG, namespace "coffer"
	Fingerprint string `json:"fingerprint"` // of the key
}

// Encode is how audit rows hold it.
func Encode(all []Signed) string { return string(line(all)) }

// DecodeSigned reads what Encode writes; an empty text is nothing signed.
func DecodeSigned(text string) (all []Signed, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) == 0 {
		return nil, fmt.Errorf("it is no list of signed statements")
	}
	return all, nil
}

// by finds who signed, among all that were ever named, and checks that he did.
func (s Signed) by(named []store.Operator) (Statement, store.Operator, error) {
	st, err := ParseStatement([]byte(s.Statement))
	if err != nil {
		return Statement{}, store.Operator{}, err
	}
	i := slices.IndexFunc(named, func(o store.Operator) bool { return o.Fingerprint == s.Fingerprint && o.Name == st.Operator })
	if i < 0 {
		return st, store.Operator{}, fmt.Errorf("%s with key %s was never named as operator", clipped(st.Operator), clipped(s.Fingerprint))
	}
	key, err := parse(named[i].Key)
	if err != nil {
		return st, store.Operator{}, err
	}
	if ssh.FingerprintSHA256(key) != s.Fingerprint {
		return st, store.Operator{}, fmt.Errorf("the key of %s is not the one of that fingerprint", st.Operator)
	}
	if err := sshsig.Verify([]byte(s.Statement), []byte(s.Signature), key); err != nil {
		return st, store.Operator{}, fmt.Errorf("the signature of %s: %w", st.Operator, err)
	}
	return st, named[i], nil
}

// CheckRow says whether every signature in an audit row is one of an operator, over a statement for this ledger, made while his key was
// good. It needs nothing but the row and all that were ever named.
func CheckRow(a store.AuditRow, ledger string, named []store.Operator) error {
	all, err := DecodeSigned(a.Signed)
	if err != nil {
		return err
	}
	for _, s := range all {
		st, o, err := s.by(named)
		switch {
		case err != nil:
			return err
		case st.Ledger != ledger:
			return fmt.Errorf("%s signed for ledger %s, not for this one", o.Name, st.Ledger)
		case a.Result == store.ResultDone && !o.RevokedAt.IsZero() && st.At.After(o.RevokedAt):
			return fmt.Errorf("%s signed after his key was revoked", o.Name)
		case a.At.Before(st.At.Add(-Fresh)):
			return fmt.Errorf("%s signed after the row was written", o.Name)
		}
	}
	if n := len(all); n > 0 && a.Actor != actor(all[n-1], named) {
		return fmt.Errorf("the row says that %q did it, and somebody else signed", a.Actor)
	}
	return nil
}

// actor is who signed, for audit rows.
func actor(s Signed, named []store.Operator) string {
	for _, o := range named {
		if o.Fingerprint == s.Fingerprint {
			return Title(o)
		}
	}
	return ""
}

// Title is an operator as audit rows name him.
func Title(o store.Operator) string { return o.Name + " (" + o.Fingerprint + ")" }
