package main

import (
	"encoding/json"

	"coffer.internal"
)

// proposalView is a proposal in a document.
type proposalView struct {
	ID        int64           `json:"id"`
	State     string          `json:"state"` // open, expired, done, withdrawn
	Act       json.RawMessage `json:"act"`
	Reason    string          `json:"reason"`
	Changes   []coffer.Change `json:"changes"`
	Digest    string          `json:"digest"`
	Maker     string          `json:"maker"`
	MakerKey  string          `json:"maker_key"`
	MadeAt    *string         `json:"made_at"`
	ExpiresAt *string         `json:"expires_at"`
	EndedAt   *string         `json:"ended_at"`
	EndedBy   *string         `json:"ended_by"`
}

func viewProposal(p coffer.Proposal) proposalView {
	return proposalView{
		ID: p.ID, State: stateOf(p), Act: json.RawMessage(p.Proposal.Act), Reason: p.Reason, Changes: p.Preview, Digest: p.Digest,
		Maker: p.Maker, MakerKey: p.MakerKey, MadeAt: stamp(p.MadeAt), ExpiresAt: stamp(p.ExpiresAt), EndedAt: stamp(p.EndedAt), EndedBy: null(p.EndedBy),
	}
}

func stateOf(p coffer.Proposal) string {
	if p.Expired {
		return "expired"
	}
	return p.State
}

// showProposed shows a proposal that was just made.
func (a *app) showProposed(p coffer.Proposal) error {
	if a.json {
		return a.document(map[string]any{"proposal": viewProposal(p)})
	}
	a.say("proposal %d: nothing is done yet", p.ID)
	for _, line := range changeLines(p) {
		a.say("  %s", line)
	}
	a.note("it takes two people: another officer, until %s: coffer approve %d", moment(p.ExpiresAt), p.ID)
	return nil
}

// notePreview says what is about to be done.
func (a *app) notePreview(p coffer.Proposal) {
	a.note("proposal %d of %s, %s: %s", p.ID, p.Maker, moment(p.MadeAt), dash(p.Reason))
	for _, line := range changeLines(p) {
		a.note("  %s", line)
	}
}

func changeLines(p coffer.Proposal) []string { return linesOfChanges(p.Preview) }

func linesOfChanges(changes []coffer.Change) []string {
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = c.Subject + ": " + c.After
		if c.Before != "" {
			lines[i] = c.Subject + ": " + c.Before + " → " + c.After
		}
	}
	return lines
}

func (a *app) showProposal(p coffer.Proposal) error {
	if a.json {
		return a.document(map[string]any{"proposal": viewProposal(p)})
	}
	pairs := [][2]string{
		{"proposal", number(p.ID)}, {"state", stateOf(p)}, {"act", p.Proposal.Act}, {"reason", dash(p.Reason)}, {"maker", p.Maker + " (" + p.MakerKey + ")"},
		{"made", moment(p.MadeAt)}, {"until", moment(p.ExpiresAt)}, {"digest", p.Digest},
	}
	if p.EndedBy != "" {
		pairs = append(pairs, [2]string{"ended", moment(p.EndedAt) + " by " + p.EndedBy})
	}
	fields(a.stdout, pairs)
	for _, line := range changeLines(p) {
		a.say("  %s", line)
	}
	return nil
}

func (a *app) showWithdrawn(p coffer.Proposal) error {
	if a.json {
		return a.document(map[string]any{"proposal": viewProposal(p)})
	}
	a.say("proposal %d: withdrawn", p.ID)
	return nil
}
