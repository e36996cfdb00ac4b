package operators

import (
	"fmt"
	"slices"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// Naming is a change of who is named: operator_add, operator_revoke or operator_rotate.
type Naming struct {
	Verb             Verb
	Name             string
	Role             Role
	Key, Fingerprint string // as ParseKey gives them; empty: to revoke
}

// Action is what it is called in audit rows.
func (n Naming) Action() string {
	return map[Verb]string{OperatorAdd: "operator.add", OperatorRevoke: "operator.revoke", OperatorRotate: "operator.rotate"}[n.Verb]
}

// Decide says what the change comes to among all that were ever named: which row to revoke (0: none), and what that changes. It has no
// effects.
//
// A name is never another person's, and a key neither. The first one named must be an officer, and the last one is never revoked: else nobody
// could name anybody.
func (n Naming) Decide(named []store.Operator) (revoke int64, what Change, refusal error) {
	what.Subject = "operator " + n.Name
	at := slices.IndexFunc(named, func(o store.Operator) bool { return o.Name == n.Name && o.RevokedAt.IsZero() })
	if at >= 0 {
		what.Before = text(named[at])
	}
	if n.Key != "" {
		what.After = text(n.Added(named))
		if i := slices.IndexFunc(named, func(o store.Operator) bool { return o.Fingerprint == n.Fingerprint }); i >= 0 {
			return 0, what, fault.New(fault.Refused, "key_used", "make a new key: ssh-keygen -t ed25519", "the key %s was named before, as that of %s", n.Fingerprint, named[i].Name)
		}
	} else {
		what.After = "revoked"
	}
	switch {
	case n.Verb == OperatorAdd && slices.ContainsFunc(named, func(o store.Operator) bool { return o.Name == n.Name }):
		return 0, what, fault.New(fault.Refused, "name_used", "use another name; a new key for who has that name: coffer operator rotate "+n.Name+" KEYFILE", "%s was named before", n.Name)
	case n.Verb == OperatorAdd && len(named) == 0 && n.Role != Officer:
		return 0, what, fault.New(fault.Refused, "officer_first", "name an officer first: --role officer", "the first one named must be an officer, or nobody could name another")
	case n.Verb == OperatorAdd:
		return 0, what, nil
	case at < 0:
		return 0, what, fault.New(fault.NotFound, "operator_not_found", "coffer operator list", "no operator %s has a good key", n.Name)
	case n.Verb == OperatorRevoke && named[at].Role == string(Officer) && len(Good(named, Officer)) == 1:
		return 0, what, fault.New(fault.Refused, "last_officer", "name another officer first", "%s is the only officer: nobody could name anybody any more", n.Name)
	}
	return named[at].ID, what, nil
}

// Added is the row that the change adds.
func (n Naming) Added(named []store.Operator) store.Operator {
	o := store.Operator{Name: n.Name, Role: string(n.Role), Key: n.Key, Fingerprint: n.Fingerprint}
	if i := slices.IndexFunc(named, func(o store.Operator) bool { return o.Name == n.Name && o.RevokedAt.IsZero() }); n.Verb == OperatorRotate && i >= 0 {
		o.Role = named[i].Role
	}
	return o
}

func text(o store.Operator) string { return fmt.Sprintf("%s %s", o.Role, o.Fingerprint) }
