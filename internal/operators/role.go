// Package operators says who may do administrative things, and proves who did them.
//
// Words: an operator has a name, a role and one SSH key. What is to be done is an Act, one line of JSON that says all of it. A Statement
// is what the operator's key signs: the act, for which ledger, why, when, and a number that is used once. A warrant is the act with the
// statements that allow it. Guard is a store.DB that changes nothing without one.
//
// What is signed is what is executed: the act is parsed from what was signed, and nothing beside it says what to do. Statements stand in the
// audit rows of what they allowed, with their signatures, so that anybody can check them with OpenSSH alone.
//
// As long as nobody is named as operator, everybody who reaches the database may do everything, as the operating system names him.
package operators

import (
	"slices"
	"strings"

	"coffer.internal/internal/fault"
)

// Role says what an operator may do.
type Role string

// The roles.
const (
	Viewer  Role = "viewer"   // looks
	Daily   Role = "operator" // does what the day brings
	Officer Role = "officer"  // approves, names operators, and does all that an operator does
	Auditor Role = "auditor"  // looks, and keeps the audit log's key
)

// Roles are all roles, the least first.
var Roles = []Role{Viewer, Auditor, Daily, Officer}

// ParseRole reads a role. Anything else is a fault.Usage.
func ParseRole(s string) (Role, error) {
	if r := Role(s); slices.Contains(Roles, r) {
		return r, nil
	}
	names := make([]string, len(Roles))
	for i, r := range Roles {
		names[i] = string(r)
	}
	return "", fault.New(fault.Usage, "unknown_role", "use one of "+strings.Join(names, ", "), "unknown role %q", clipped(s))
}

// may says whether a role is enough for a purpose of a verb.
func (r Role) may(p Purpose, v Verb) bool {
	if p == Approve || p == BreakGlass {
		return r == Officer
	}
	return slices.Contains(forms[v].roles, r)
}

// clipped shows the beginning of what somebody typed.
func clipped(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
