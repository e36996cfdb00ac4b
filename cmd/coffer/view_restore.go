package main

import (
	"fmt"
	"strings"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/restore"
)

// showExamined shows a report, and ends with 7 if it needs a person before it can be accepted.
func (a *app) showExamined(r coffer.RestoreReport) error {
	if err := a.showRestore(r); err != nil || r.CanAccept {
		return err
	}
	return fault.New(fault.Partly, "restore_needs_a_person", "docs/restore.md says what to do about each kind; then coffer restore --continue",
		"the restored ledger cannot be accepted yet: %s", r.WhyNot)
}

func (a *app) showRestore(r coffer.RestoreReport) error {
	if a.json {
		return a.document(r)
	}
	pairs := [][2]string{
		{"restore", fmt.Sprintf("%d, %s", r.ID, r.State)}, {"cut_off", moment(r.CutOff)}, {"restored_at", moment(r.At) + " by " + r.By},
		{"manifest", r.Digest}, {"differences", countsText(r.Counts)}, {"still_held", number(r.StillHeld)},
	}
	if r.ExaminedAt != nil {
		pairs = append(pairs, [2]string{"examined_at", moment(*r.ExaminedAt)})
	}
	if r.AcceptedAt != nil {
		pairs = append(pairs, [2]string{"accepted_at", moment(*r.AcceptedAt) + " by " + r.AcceptedBy + ": " + oneLine(r.Reason)})
	} else if !r.CanAccept {
		pairs = append(pairs, [2]string{"waits_for", r.WhyNot})
	}
	fields(a.stdout, pairs)
	if len(r.Differences) > 0 {
		a.say("")
		rows := make([][]string, len(r.Differences))
		for i, d := range r.Differences {
			chain, nonce := "-", "-"
			if d.ChainType != "" {
				chain = fmt.Sprintf("%s:%d", d.ChainType, d.ChainID)
			}
			if d.Nonce != nil {
				nonce = number(*d.Nonce)
			}
			rows[i] = []string{d.Kind, chain, dash(d.Wallet), nonce, dash(d.Request), oneLine(d.Detail)}
		}
		table(a.stdout, []string{"KIND", "CHAIN", "WALLET", "NONCE", "REQUEST", "DETAIL"}, rows)
	}
	switch r.State {
	case restore.Paused:
		a.note("paused: what callers submitted after %s, and what had not ended then, they submit again with the same ids; coffer restore accept --reason TEXT lets the ledger go on", moment(r.CutOff))
	case restore.Unfinished:
		a.note("the comparison did not come to its end: coffer restore --continue")
	}
	return nil
}

// countsText lists how many differences of each kind there are.
func countsText(counts map[string]int) string {
	var parts []string
	for _, k := range restore.Kinds {
		if counts[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[k], k))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func (a *app) showAccepted(r coffer.RestoreReport, already bool) error {
	if a.json {
		return a.document(struct {
			coffer.RestoreReport
			Already bool `json:"already_accepted"`
		}{r, already})
	}
	if already {
		a.say("already accepted: restore %d, %s by %s", r.ID, moment(*r.AcceptedAt), r.AcceptedBy)
		return nil
	}
	a.say("restore %d is accepted: the ledger goes on", r.ID)
	if r.StillHeld > 0 {
		a.note("%d withdrawals are held until they are submitted again: coffer tx list --state held", r.StillHeld)
	}
	return nil
}
