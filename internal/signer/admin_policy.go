package signer

import (
	"net/http"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/wire"
)

// policy shows the pin of the policy in force, with its text.
func (a *Admin) policy(w http.ResponseWriter, _ *http.Request) {
	pin, ok, err := a.machine.journal.Pin()
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "policy_missing", installDefault, "no policy was ever installed at this machine")
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, wire.PolicyAnswer(pin))
}
