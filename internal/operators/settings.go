package operators

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/store"
)

// Settles says whether an audit row is one of settings that were accepted: CheckSettings wants to see those.
func Settles(a store.AuditRow) bool {
	return a.Result == store.ResultDone && a.Action == ActionAcceptSettings
}

// ActionAcceptSettings is what the acceptance of settings is called in audit rows.
const ActionAcceptSettings = "config.accept"

// CheckSettings says whether all settings that were accepted since somebody was named were accepted by an audit row in which officers signed for
// exactly that. Who writes into the database by hand can put settings in force; he cannot make an officer sign for them.
func CheckSettings(rows []store.AuditRow, ledger string, named []store.Operator, all []store.Settings) error {
	for _, s := range all {
		if len(named) == 0 || s.AcceptedAt.Before(named[0].AddedAt) {
			continue
		}
		at := slices.IndexFunc(rows, func(a store.AuditRow) bool {
			return a.Subject == s.Digest && CheckRow(a, ledger, named) == nil && signedForSettings(a, s, named)
		})
		if at < 0 {
			return fmt.Errorf("settings %s were put in force by hand: no officer signed for them", s.Digest)
		}
		rows = slices.Concat(rows[:at], rows[at+1:]) // what was revoked and is in force anew was signed for anew
	}
	return nil
}

// signedForSettings says whether officers signed to have these settings accepted.
func signedForSettings(a store.AuditRow, s store.Settings, named []store.Operator) bool {
	all, err := DecodeSigned(a.Signed)
	if err != nil || len(all) == 0 {
		return false
	}
	act := Act{Verb: ConfigAccept, Settings: s.Digest}
	if s.View != "" {
		act.View = strings.Split(s.View, "\n")
	}
	only := act
	only.Only = true
	for _, x := range all {
		st, by, err := x.by(named)
		if err != nil || by.Role != string(Officer) || !bytes.Equal(st.Act, act.Brief()) && !bytes.Equal(st.Act, only.Brief()) {
			return false
		}
	}
	return true
}
