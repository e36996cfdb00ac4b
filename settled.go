package coffer

import (
	"context"
	"path/filepath"
	"time"

	"coffer.internal/internal/config"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// codeSettings is the code of what is not done because of settings that nobody accepted.
const codeSettings = "settings_not_accepted"

// notInForce is the fault of whatever would be done by settings that are not in force; nil if they are, or nobody ever signed for any.
func (s *System) notInForce(m store.SettingsMark) error {
	path, digest := filepath.Join(s.config.Home, config.FileName), s.config.Settings.Digest
	switch {
	case !m.Ever || m.InForce:
		return nil
	case digest == "":
		return fault.New(fault.NotAllowed, codeSettings, "have the program read a coffer.toml (LoadConfig), and an officer accept it: coffer config accept",
			"officers sign for the settings of this ledger, and this program's are from no coffer.toml")
	}
	return fault.New(fault.NotAllowed, codeSettings, "coffer config shows what differs from what was accepted; then an officer says coffer config accept",
		"what %s says is not in force: no officer signed for it, or it was revoked (digest %s)", path, short(digest))
}

func (s *System) settingsMark(ctx context.Context) (m store.SettingsMark, err error) {
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		m, err = r.SettingsOf(ctx, s.config.Settings.Digest)
		return err
	})
	return m, storefault.Of(err, "see whether the settings are in force")
}

// settled refuses, with an audit row, to do something by settings that are not in force.
func (s *System) settled(ctx context.Context, action, subject string) error {
	m, err := s.settingsMark(ctx)
	if err == nil {
		err = s.notInForce(m)
	}
	return s.denied(ctx, store.AuditRow{Action: action, Subject: subject, After: "by settings " + s.config.Settings.Digest}, nil, err)
}

// byTheFile says whether an act writes down what the nodes of coffer.toml say.
func byTheFile(act Act) bool {
	return act.Verb == operators.SyncAll || act.Verb == operators.Sync && act.FromChain
}

// matters are the acts that need two people. Settings that are not in force cannot make them fewer than what is built in: else whoever can write
// a coffer.toml could have himself excepted.
func (s *System) matters(m store.SettingsMark) operators.Matters {
	if s.notInForce(m) == nil {
		return s.config.FourEyes.Verbs
	}
	return append(operators.DefaultMatters[:len(operators.DefaultMatters):len(operators.DefaultMatters)], s.config.FourEyes.Verbs...)
}

// halted says why nothing new is paid and nothing accepted: this process goes by settings that are not in force. It looks once a second; what
// it finds leaves an audit row when it begins.
func (s *System) halted(ctx context.Context) error {
	return s.known.ask(ctx, s.now, func(ctx context.Context, was error) (why, err error) {
		m, err := s.settingsMark(ctx)
		if err != nil {
			return nil, err
		}
		if why = s.notInForce(m); why != nil && was == nil {
			why = s.denied(ctx, store.AuditRow{Action: actionSettingsHalt, Subject: s.config.Settings.Digest}, nil, why)
		}
		return why, nil
	})
}

// warnUnsigned says in the daemon's log that nobody signed for the settings though operators are named.
func (s *System) warnUnsigned(ctx context.Context) {
	if f, err := s.facts(ctx); err == nil && len(f.named) > 0 && !f.settings.Ever {
		s.log.Warn("no officer signed for any settings: whoever can write coffer.toml changes how is paid", "hint", "coffer config accept")
	}
}

const (
	// settingsWatch is how often a daemon looks whether there has to be an alarm about the settings.
	settingsWatch = 3 * time.Second
	// settingsSeen is how often an alarm that stands is raised again, and settingsGone how long after that it ends if its daemon does not: it was
	// started again with other settings.
	settingsSeen = 2 * time.Minute
	settingsGone = 10 * time.Minute
)

// watchingSettings raises the alarms about settings, and ends them, until leave is called.
func (s *System) watchingSettings(ctx context.Context) (leave func()) {
	return looking(ctx, settingsWatch, func(ctx context.Context) {
		if err := s.watchSettings(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("whether the settings are in force could not be seen", "error", err)
		}
	})
}

func (s *System) watchSettings(ctx context.Context) error {
	var stands []alarmStands
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		stands, err = s.settingsAlarms(ctx, r)
		return err
	})
	if err != nil || len(stands) == 0 {
		return storefault.Of(err, "see whether the settings are in force")
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		for _, a := range stands {
			if err := s.stand(ctx, tx, a.Alarm, a.stands); err != nil {
				return err
			}
		}
		return nil
	})
	return storefault.Of(err, "write down whether the settings are in force")
}

// alarmStands is an alarm that is to be raised, or ended.
type alarmStands struct {
	store.Alarm
	stands bool
}

// settingsAlarms are the alarms about settings that have to be raised or ended now.
func (s *System) settingsAlarms(ctx context.Context, r store.Reader) (all []alarmStands, err error) {
	m, err := r.SettingsOf(ctx, s.config.Settings.Digest)
	if err != nil {
		return nil, err
	}
	named, err := r.Operators(ctx)
	if err != nil {
		return nil, err
	}
	now, err := r.Now(ctx)
	if err != nil {
		return nil, err
	}
	kinds := []string{string(withdrawal.AlarmSettingsUnsigned), string(withdrawal.AlarmSettingsRevoked)}
	open, err := r.Alarms(ctx, store.AlarmFilter{Open: true, Kinds: kinds})
	if err != nil {
		return nil, err
	}
	unsigned := withdrawal.LedgerAlarm(withdrawal.AlarmSettingsUnsigned, "", 0, "operators are named, and none of them signed for any settings: whoever can write coffer.toml changes how is paid")
	revoked := withdrawal.LedgerAlarm(withdrawal.AlarmSettingsRevoked, "", 0, "")
	revoked.Key += ":" + short(s.config.Settings.Digest)
	why := s.notInForce(m)
	if why != nil {
		revoked.Why = "a daemon pays nothing new: " + why.Error()
	}
	wanted := map[string]bool{unsigned.Key: !m.Ever && len(named) > 0, revoked.Key: why != nil}
	seen := map[string]time.Time{}
	for _, a := range open {
		seen[a.Key] = a.SeenAt
		if _, mine := wanted[a.Key]; !mine && now.Sub(a.SeenAt) > settingsGone {
			all = append(all, alarmStands{a, false})
		}
	}
	for _, a := range []store.Alarm{unsigned, revoked} {
		at, is := seen[a.Key]
		if wanted[a.Key] != is || is && now.Sub(at) > settingsSeen {
			all = append(all, alarmStands{a, wanted[a.Key]})
		}
	}
	return all, nil
}

// actionRun is what a daemon that is refused is called in audit rows.
const actionRun = "run"

// mayRun refuses a daemon whose settings are not in force.
func (s *System) mayRun(ctx context.Context) error { return s.settled(ctx, actionRun, "") }
