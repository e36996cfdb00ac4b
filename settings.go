package coffer

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// Settings are what a coffer.toml said when an officer signed for it.
type Settings = store.Settings

// SettingsReport is how it stands with the coffer.toml of this home.
type SettingsReport struct {
	Path    string
	Digest  string   // SHA-256 of what it says; empty: this Config was not read from a file
	View    []string // what it says, without secrets
	Ever    bool     // some settings were accepted in this ledger: only those in force are gone by
	InForce *Settings
	// Against are the newest settings in force (if none is, the newest that ever were), and Changes is what differs from them.
	Against *Settings
	Changes []Change
}

// Settings says how it stands with the coffer.toml of this home: what it says, whether that is in force, and what differs.
func (s *System) Settings(ctx context.Context) (SettingsReport, error) {
	r := SettingsReport{Path: filepath.Join(s.config.Home, config.FileName), Digest: s.config.Settings.Digest, View: s.config.Settings.View}
	all, err := s.AcceptedSettings(ctx)
	if err != nil || len(all) == 0 {
		return r, err
	}
	r.Ever, r.InForce, r.Against = true, inForce(all, r.Digest), newest(all)
	r.Changes = settingsChanges(r.Against, r.Digest, r.View)
	return r, nil
}

// AcceptedSettings lists all that were ever accepted, oldest first, those that are revoked too.
func (s *System) AcceptedSettings(ctx context.Context) (all []Settings, err error) {
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		all, err = r.Settings(ctx)
		return err
	})
	return all, storefault.Of(err, "list the settings that were accepted")
}

// AcceptanceOf is the act that puts what this home's coffer.toml says in force; only: and nothing else.
func (s *System) AcceptanceOf(only bool) Act {
	return Act{Verb: operators.ConfigAccept, Settings: s.config.Settings.Digest, View: s.config.Settings.View, Only: only}
}

// inForce finds the settings with a digest that are in force; nil: they are not.
func inForce(all []Settings, digest string) *Settings {
	i := slices.IndexFunc(all, func(x Settings) bool { return x.Digest == digest && x.RevokedAt.IsZero() })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// newest are the settings that others are compared with; nil: none was ever accepted.
func newest(all []Settings) *Settings {
	for i := range slices.Backward(all) {
		if all[i].RevokedAt.IsZero() {
			return &all[i]
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

// settingsChanges is what differs from some settings; of nil everything does.
func settingsChanges(from *Settings, digest string, view []string) []Change {
	var was []string
	if from != nil && from.View != "" {
		was = strings.Split(from.View, "\n")
	}
	changes := config.SettingsChanges(was, view)
	if from != nil && len(changes) == 0 && from.Digest != digest {
		changes = []Change{{Subject: "settings", After: "(differs in what is not shown)"}}
	}
	return changes
}

// short is as much of a digest as people need to tell it from others.
func short(digest string) string { return digest[:min(len(digest), 12)] }

const (
	actionRevoke       = "config.revoke"
	actionSettingsHalt = "config.halt"
)

// SettingsDone is the result of config_accept and config_revoke.
type SettingsDone struct {
	Settings Settings
	Already  bool       // they were in force before
	Revoked  []Settings // those that are in force no more
}

// settingsPlan is what an act about settings comes to among all that were ever accepted.
type settingsPlan struct {
	accept bool
	revoke []Settings
	diff   []Change // of what is accepted
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// planSettings decides an act about settings. It has no effects.
func planSettings(act Act, all []Settings) (settingsPlan, error) {
	is := inForce(all, act.Settings)
	if act.Verb == operators.ConfigRevoke {
		if is == nil {
			return settingsPlan{}, fault.New(fault.NotFound, "settings_not_found", "coffer config list", "no settings %q are in force", act.Settings)
		}
		return settingsPlan{revoke: []Settings{*is}}, nil
	}
	p := settingsPlan{accept: is == nil, diff: settingsChanges(newest(all), act.Settings, act.View)}
	for _, x := range all {
		if act.Only && x.RevokedAt.IsZero() && x.Digest != act.Settings {
			p.revoke = append(p.revoke, x)
		}
	}
	return p, nil
}

// changes says what the plan changes, in words.
func (p settingsPlan) changes(digest string) []Change {
	var all []Change
	if p.accept {
		all = append(all, Change{Subject: "settings " + digest, Before: "not in force", After: "in force"})
	}
	for _, x := range p.revoke {
		all = append(all, Change{Subject: "settings " + x.Digest, Before: "in force", After: "revoked"})
	}
	return append(all, p.diff...)
}

// settling are the acts about settings; the result is a SettingsDone.
func (s *System) settling(_ context.Context, act Act, by By) (job, error) {
	if act.Verb == operators.ConfigAccept && !digestForm.MatchString(act.Settings) {
		return job{}, fault.New(fault.Usage, "bad_act", "coffer config accept", "%q is no digest of settings", act.Settings)
	}
	for _, line := range act.View {
		if strings.ContainsFunc(line, unicode.IsControl) || !strings.Contains(line, " = ") {
			return job{}, fault.New(fault.Usage, "bad_act", "coffer config accept", "%q is no line of settings", line)
		}
	}
	return job{
		preview: func(ctx context.Context, r store.Reader) ([]Change, error) {
			all, err := r.Settings(ctx)
			if err != nil {
				return nil, err
			}
			p, err := planSettings(act, all)
			return p.changes(act.Settings), err
		},
		do: func(ctx context.Context) (any, error) { return s.settle(ctx, act, by.Reason) },
	}, nil
}

// settle carries an act about settings out, in one transaction with its audit rows; a refusal is recorded too.
func (s *System) settle(ctx context.Context, act Act, reason string) (done SettingsDone, err error) {
	var refusal error
	err = s.admin.Update(ctx, func(tx store.Tx) error {
		all, err := tx.LockSettings(ctx)
		if err != nil {
			return err
		}
		var p settingsPlan
		if p, refusal = planSettings(act, all); refusal != nil {
			row := store.AuditRow{Actor: s.actor, Action: actionRevoke, Subject: act.Settings, Result: store.ResultRefused, Reason: refusal.Error()}
			return tx.Record(ctx, []store.AuditRow{row})
		}
		done = SettingsDone{Already: act.Verb == operators.ConfigAccept && !p.accept, Revoked: p.revoke}
		return s.carryOut(ctx, tx, act, p, reason)
	})
	if errors.Is(err, store.ErrRecorded) {
		return SettingsDone{}, err
	}
	if err == nil {
		err = refusal
	}
	if err != nil {
		return SettingsDone{}, storefault.Of(err, string(act.Verb)+" "+short(act.Settings))
	}
	s.known.forget()
	all, err := s.AcceptedSettings(ctx)
	if is := inForce(all, act.Settings); is != nil {
		done.Settings = *is
	}
	return done, err
}

func (s *System) carryOut(ctx context.Context, tx store.Tx, act Act, p settingsPlan, reason string) error {
	var rows []store.AuditRow
	for _, x := range p.revoke {
		if err := tx.RevokeSettings(ctx, x.ID); err != nil {
			return err
		}
		rows = append(rows, store.AuditRow{Actor: s.actor, Action: actionRevoke, Subject: x.Digest, Before: "in force", After: "revoked", Result: store.ResultDone, Reason: reason})
	}
	if p.accept {
		if err := tx.AcceptSettings(ctx, store.Settings{Digest: act.Settings, View: strings.Join(act.View, "\n"), AcceptedBy: s.actor}); err != nil {
			return err
		}
		rows = append(rows, store.AuditRow{
			Actor: s.actor, Action: operators.ActionAcceptSettings, Subject: act.Settings, Before: before(p.diff), After: strings.Join(act.View, "; "), Result: store.ResultDone, Reason: reason,
		})
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.Record(ctx, rows)
}

// before is what differed, as it was.
func before(changes []Change) string {
	var was []string
	for _, c := range changes {
		if c.Before != "" {
			was = append(was, c.Subject+" = "+c.Before)
		}
	}
	return strings.Join(was, "; ")
}
