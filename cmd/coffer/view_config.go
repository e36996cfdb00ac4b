package main

import (
	"strings"

	"coffer.internal"
	"coffer.internal/internal/operators"
)

// settingsView are settings that were accepted, in a document.
type settingsView struct {
	Digest     string   `json:"digest"`
	Settings   []string `json:"settings"` // lines: key = value
	AcceptedAt *string  `json:"accepted_at"`
	AcceptedBy string   `json:"accepted_by"`
	RevokedAt  *string  `json:"revoked_at"`
}

func viewSettings(s coffer.Settings) settingsView {
	v := settingsView{Digest: s.Digest, Settings: []string{}, AcceptedAt: stamp(s.AcceptedAt), AcceptedBy: s.AcceptedBy, RevokedAt: stamp(s.RevokedAt)}
	if s.View != "" {
		v.Settings = strings.Split(s.View, "\n")
	}
	return v
}

// configView is the coffer.toml of this home in a document.
type configView struct {
	Path     string          `json:"path"`
	Digest   string          `json:"digest"`
	Settings []string        `json:"settings"`
	Signed   bool            `json:"signed"` // some settings were accepted in this ledger
	InForce  *settingsView   `json:"in_force"`
	Against  *string         `json:"against"` // digest of the newest settings in force
	Changes  []coffer.Change `json:"changes"`
}

func viewConfig(r coffer.SettingsReport) configView {
	v := configView{Path: r.Path, Digest: r.Digest, Settings: append([]string{}, r.View...), Signed: r.Ever, Changes: append([]coffer.Change{}, r.Changes...)}
	if r.InForce != nil {
		is := viewSettings(*r.InForce)
		v.InForce = &is
	}
	if r.Against != nil {
		v.Against = &r.Against.Digest
	}
	return v
}

func (a *app) showConfig(r coffer.SettingsReport) error {
	if a.json {
		return a.document(viewConfig(r))
	}
	state := "no: coffer config accept"
	switch {
	case r.InForce != nil:
		state = "since " + moment(r.InForce.AcceptedAt) + ", by " + r.InForce.AcceptedBy
	case !r.Ever:
		state = "nobody signed for any settings yet, so these are gone by: coffer config accept"
	}
	fields(a.stdout, [][2]string{{"file", r.Path}, {"digest", r.Digest}, {"in force", state}})
	for _, line := range r.View {
		a.say("  %s", line)
	}
	if len(r.View) == 0 {
		a.say("  (it sets nothing: all is as built in)")
	}
	if len(r.Changes) == 0 {
		return nil
	}
	what := "the newest that is in force"
	if !r.Against.RevokedAt.IsZero() {
		what = "the newest that was in force"
	}
	a.say("what differs from %s, %s of %s:", what, r.Against.Digest, moment(r.Against.AcceptedAt))
	for _, line := range linesOfChanges(r.Changes) {
		a.say("  %s", line)
	}
	return nil
}

func (a *app) showSettings(all []coffer.Settings, mine string) error {
	if a.json {
		views := make([]settingsView, len(all))
		for i, s := range all {
			views[i] = viewSettings(s)
		}
		return a.document(map[string]any{"settings": views})
	}
	if len(all) == 0 {
		a.note("nobody signed for any settings: every coffer.toml is gone by (coffer config accept)")
		return nil
	}
	cells := make([][]string, len(all))
	for i, s := range all {
		here := "-"
		if s.Digest == mine {
			here = "yes"
		}
		cells[i] = []string{s.Digest, here, moment(s.AcceptedAt), s.AcceptedBy, moment(s.RevokedAt)}
	}
	table(a.stdout, []string{"DIGEST", "HERE", "ACCEPTED", "BY", "REVOKED"}, cells)
	return nil
}

// showSettled shows what became of an act about settings.
func (a *app) showSettled(act coffer.Act, d coffer.SettingsDone) error {
	if a.json {
		revoked := make([]string, len(d.Revoked))
		for i, x := range d.Revoked {
			revoked[i] = x.Digest
		}
		doc := map[string]any{"already_accepted": d.Already, "revoked": revoked, "accepted": nil}
		if act.Verb == operators.ConfigAccept {
			doc["accepted"] = viewSettings(d.Settings)
		}
		return a.document(doc)
	}
	switch {
	case act.Verb == operators.ConfigRevoke:
	case d.Already:
		a.say("%s: already accepted, %s, by %s", act.Settings, moment(d.Settings.AcceptedAt), d.Settings.AcceptedBy)
	default:
		a.say("%s: accepted, by %s", act.Settings, d.Settings.AcceptedBy)
	}
	for _, x := range d.Revoked {
		a.say("%s: revoked", x.Digest)
	}
	return nil
}
