package operators

import (
	"slices"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// Matters are the acts that need two people: a verb, or a verb and which of its kind, as in sync:force.
type Matters []string

// DefaultMatters are what can hurt.
var DefaultMatters = Matters{
	"sync:force", "sync:down", "activate:multisig", "activate:cold", "activate:vault", "device_rebind",
	"operator_add", "operator_revoke", "operator_rotate", "restore_accept", "config_accept", "config_revoke",
}

// kinds are the kinds of acts that a matter may name, by verb.
var kinds = map[Verb][]string{
	Sync:           {"force", "down", "from_chain"},
	Activate:       {"hot", "multisig", "cold", "vault"},
	Deactivate:     {"hot", "multisig", "cold", "vault"},
	CreateInternal: {"hot", "multisig", "cold", "vault"},
}

// CheckMatter refuses what names no act. To withdraw a proposal never needs two.
func CheckMatter(m string) error {
	verb, kind, named := strings.Cut(m, ":")
	switch v := Verb(verb); {
	case !Known(v) || v == ProposalWithdraw:
		return fault.New(fault.Usage, "unknown_act", "docs/operators.md lists the acts", "%q is no act that two people can be needed for", clipped(m))
	case named && !slices.Contains(kinds[v], kind):
		hint := "write " + verb + " alone"
		if len(kinds[v]) > 0 {
			hint += ", or with one of " + strings.Join(kinds[v], ", ")
		}
		return fault.New(fault.Usage, "unknown_act", hint, "%q is no kind of %s", clipped(kind), verb)
	}
	return nil
}

// Need says whether an act of these kinds needs two people.
func (ms Matters) Need(v Verb, kinds ...string) bool {
	return slices.ContainsFunc(ms, func(m string) bool {
		verb, kind, named := strings.Cut(m, ":")
		return Verb(verb) == v && (!named || slices.Contains(kinds, kind))
	})
}

// InForce says whether two people can be asked for: with one officer, nobody could approve.
func InForce(named []store.Operator) bool { return len(Good(named, Officer)) >= 2 }

// Good are the operators of a role whose keys are good.
func Good(named []store.Operator, r Role) []store.Operator {
	return slices.DeleteFunc(slices.Clone(named), func(o store.Operator) bool { return !o.RevokedAt.IsZero() || o.Role != string(r) })
}
