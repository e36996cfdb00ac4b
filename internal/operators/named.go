package operators

import (
	"bytes"
	"fmt"
	"slices"

	"coffer.internal/internal/store"
)

// Names says whether an audit row is one of somebody who was named: CheckNamed wants to see those.
func Names(a store.AuditRow) bool {
	return a.Result == store.ResultDone && (a.Action == Naming{Verb: OperatorAdd}.Action() || a.Action == Naming{Verb: OperatorRotate}.Action())
}

// CheckNamed says whether everybody who was ever named was named by an officer: by an audit row in which one signed for exactly that name, role and
// key. The first one named needs nobody. Who writes into the database by hand can add an operator; he cannot make an officer sign for him.
func CheckNamed(rows []store.AuditRow, ledger string, named []store.Operator) error {
	for i, o := range named {
		if i == 0 {
			continue
		}
		if !slices.ContainsFunc(rows, func(a store.AuditRow) bool {
			return a.Subject == o.Name && CheckRow(a, ledger, named) == nil && signedFor(a, o, named)
		}) {
			return fmt.Errorf("%s %s (%s) was named by hand: no officer signed for it", o.Role, o.Name, o.Fingerprint)
		}
	}
	return nil
}

// signedFor says whether officers signed to have that operator named.
func signedFor(a store.AuditRow, o store.Operator, named []store.Operator) bool {
	all, err := DecodeSigned(a.Signed)
	if err != nil || len(all) == 0 {
		return false
	}
	add := Act{Verb: OperatorAdd, Operator: o.Name, Role: o.Role, Key: o.Key}
	rotate := Act{Verb: OperatorRotate, Operator: o.Name, Key: o.Key}
	for _, s := range all {
		st, by, err := s.by(named)
		if err != nil || by.Role != string(Officer) || by.ID >= o.ID || !bytes.Equal(st.Act, add.Brief()) && !bytes.Equal(st.Act, rotate.Brief()) {
			return false
		}
	}
	return true
}
