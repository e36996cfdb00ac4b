package coffer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/withdrawal"
)

// beside opens the same ledger from another home, whose coffer.toml says something.
func (s *staff) beside(text string) *staff {
	s.Helper()
	home := filepath.Join(s.TempDir(), "home")
	if err := errors.Join(os.Mkdir(home, 0o700), os.WriteFile(filepath.Join(home, "coffer.toml"), []byte("database = \"sqlite:"+s.path+"\"\n"+text), 0o600)); err != nil {
		s.Fatal(err)
	}
	c, err := coffer.LoadConfig(home)
	if err != nil {
		s.Fatal(err)
	}
	other := *s
	if other.System, err = coffer.Open(s.Context(), c, coffer.Options{}); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = other.Close() })
	return &other
}

// approved has something proposed by alice done by bob.
func (s *staff) approved(act coffer.Act) coffer.Done {
	s.Helper()
	d, err := s.Approve(s.Context(), s.proposed(act, s.alice), false, s.by(s.bob))
	if err != nil {
		s.Fatal(err)
	}
	return d
}

// openAlarms are the kinds of those that are open.
func (s *staff) openAlarms() (kinds []string) {
	s.Helper()
	if err := coffer.WatchSettings(s.Context(), s.System); err != nil {
		s.Fatal(err)
	}
	as, err := s.Alarms(s.Context(), false)
	if err != nil {
		s.Fatal(err)
	}
	for _, a := range as {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func (s *staff) inForce() bool {
	s.Helper()
	r, err := s.Settings(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return r.InForce != nil
}

func TestOfficersSignForSettings(t *testing.T) {
	s := newStaff(t)
	if got := s.openAlarms(); !slices.Equal(got, []string{"settings_unsigned"}) {
		t.Errorf("nobody signed: %v", got)
	}
	before := s.newest()
	_, err := s.Do(s.Context(), s.AcceptanceOf(false), s.by(s.carol))
	s.refused("an operator accepts", before, err, "role_too_small")
	id := s.proposed(s.AcceptanceOf(false), s.alice)
	if s.inForce() {
		t.Error("one alone accepted them")
	}
	d, err := s.Approve(s.Context(), id, false, s.by(s.bob))
	done, _ := d.Result.(coffer.SettingsDone)
	if err != nil || done.Already || !strings.HasPrefix(done.Settings.AcceptedBy, "bob (SHA256:") || !s.inForce() {
		t.Fatalf("%+v, %v", d, err)
	}
	rows, err := s.Audit(s.Context(), coffer.AuditFilter{Action: "config.accept", Limit: 1})
	if err != nil || len(rows) != 1 || rows[0].Subject != done.Settings.Digest || strings.Count(rows[0].Signed, "SSH SIGNATURE") != 4 {
		t.Errorf("%v: %+v", err, rows)
	}
	if got := s.openAlarms(); len(got) > 0 {
		t.Errorf("they are accepted: %v", got)
	}
	if again := s.approved(s.AcceptanceOf(false)).Result.(coffer.SettingsDone); !again.Already {
		t.Errorf("said again: %+v", again)
	}
	other := s.beside("")
	if got := other.approved(other.AcceptanceOf(true)).Result.(coffer.SettingsDone); len(got.Revoked) != 1 || got.Revoked[0].Digest != done.Settings.Digest || s.inForce() {
		t.Errorf("the only ones: %+v", got)
	}
	rows, err = s.Audit(s.Context(), coffer.AuditFilter{Action: "config.revoke", Limit: 1})
	if err != nil || len(rows) != 1 || rows[0].Subject != done.Settings.Digest || rows[0].Result != "done" {
		t.Errorf("%v: %+v", err, rows)
	}
}

func TestWhatIsProposedAboutSettingsIsWhatIsDone(t *testing.T) {
	s := newStaff(t)
	s.approved(s.AcceptanceOf(false))
	one, two := s.beside("pool_size = 1\n"), s.beside("pool_size = 2\n")
	first := one.proposed(one.AcceptanceOf(false), one.alice)
	two.approved(two.AcceptanceOf(false)) // pool_size = 1 is compared with that now
	before := s.newest()
	_, err := s.Approve(s.Context(), first, false, s.by(s.bob))
	s.refused("what it is compared with changed", before, err, "proposal_changed")
	act := one.AcceptanceOf(false)
	act.Settings = strings.Repeat("0", 63)
	if _, err := s.Do(s.Context(), act, s.by(s.alice)); !errors.Is(err, coffer.ErrUsage) {
		t.Errorf("no digest: %v", err)
	}
	act = one.AcceptanceOf(false)
	act.View = []string{"pool_size = 1\nservice = \"x\""}
	if _, err := s.Do(s.Context(), act, s.by(s.alice)); !errors.Is(err, coffer.ErrUsage) {
		t.Errorf("a line that is two: %v", err)
	}
	if _, err := s.Do(s.Context(), coffer.Act{Verb: operators.ConfigRevoke, Settings: one.AcceptanceOf(false).Settings}, s.by(s.alice)); fault.Code(err) != "settings_not_found" {
		t.Errorf("what is not in force is revoked: %v", err)
	}
}

func TestByWhatNobodySignedForNothingIsDone(t *testing.T) {
	s := newStaff(t)
	other := s.beside("service = \"other\"\n")
	s.approved(s.AcceptanceOf(false))
	chain := int64(1)
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for what, do := range map[string]func() error{
		"Run":       func() error { return other.System.Run(soon) },
		"Standby":   func() error { return other.System.Standby(soon) },
		"Reconcile": func() error { _, err := other.Reconcile(t.Context(), coffer.ReconcileOptions{}); return err },
		"sync_all": func() error {
			_, err := other.Do(t.Context(), coffer.Act{Verb: operators.SyncAll}, s.by(s.alice))
			return err
		},
		"sync": func() error {
			_, err := other.Do(t.Context(), coffer.Act{Verb: operators.Sync, Address: hotWallet, ChainID: &chain, FromChain: true}, s.by(s.alice))
			return err
		},
		"Submit": func() error {
			_, _, err := other.Withdrawals.Submit(t.Context(), withdrawal.Request{ID: "r"})
			return err
		},
	} {
		before := s.newest()
		err := do()
		s.refused(what, before, err, "settings_not_accepted")
		if !errors.Is(err, coffer.ErrNotAllowed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	before := s.newest()
	if _, _, err := other.Withdrawals.Submit(t.Context(), withdrawal.Request{ID: "r"}); fault.Code(err) != "settings_not_accepted" || s.newest() != before {
		t.Errorf("again: %v, and it is recorded once", err)
	}
	if _, err := s.Reconcile(t.Context(), coffer.ReconcileOptions{}); err != nil {
		t.Errorf("by those that are in force: %v", err)
	}
	if !slices.Equal(other.openAlarms(), []string{"settings_not_accepted"}) || !slices.Equal(s.openAlarms(), []string{"settings_not_accepted"}) {
		t.Error("no alarm, or the daemon whose settings are in force ended that of the other")
	}
	other.approved(other.AcceptanceOf(false))
	if _, _, err := other.Withdrawals.Submit(t.Context(), withdrawal.Request{ID: "r"}); fault.Code(err) == "settings_not_accepted" {
		t.Errorf("accepted: %v", err)
	}
	if got := other.openAlarms(); len(got) > 0 {
		t.Errorf("accepted: %v", got)
	}
}

func TestAStandbyWhoseSettingsWereRevokedMeanwhileDoesNotTakeOver(t *testing.T) {
	s := newStaff(t)
	other := s.beside("service = \"other\"\n")
	s.approved(s.AcceptanceOf(false))
	other.approved(other.AcceptanceOf(false))
	soon, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	running, stop := context.WithCancel(soon)
	ran, stoodBy := make(chan error, 1), make(chan error, 1)
	go func() { ran <- s.System.Run(running) }()
	s.until(soon, "run")
	go func() { stoodBy <- other.System.Standby(soon) }()
	s.until(soon, "standby")
	s.approved(coffer.Act{Verb: operators.ConfigRevoke, Settings: other.AcceptanceOf(false).Settings})
	stop()
	<-ran
	if err := <-stoodBy; fault.Code(err) != "settings_not_accepted" {
		t.Errorf("Standby = %v", err)
	}
}

// until waits for a process of a kind.
func (s *staff) until(ctx context.Context, kind string) {
	s.Helper()
	for {
		st, err := s.CacheStatus(ctx)
		if err != nil {
			s.Fatal(err)
		}
		if slices.ContainsFunc(st.Instances, func(i coffer.Instance) bool { return i.Kind == kind }) {
			return
		}
	}
}

// A Config that a program filled in has nothing that could be signed for.
func TestOnceSettingsAreSignedForAProgramNeedsAFile(t *testing.T) {
	s := newStaff(t)
	s.approved(s.AcceptanceOf(false))
	c, err := coffer.LoadConfig(filepath.Dir(s.path))
	if err != nil {
		t.Fatal(err)
	}
	c.Settings = coffer.Config{}.Settings
	made, err := coffer.Open(t.Context(), c, coffer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := made.Run(soon); fault.Code(err) != "settings_not_accepted" || !strings.Contains(err.Error(), "no coffer.toml") {
		t.Errorf("Run = %v", err)
	}
}

func TestSettingsThatWerePutInForceByHandAreFound(t *testing.T) {
	s := newStaff(t)
	s.done(coffer.Act{Verb: operators.AuditKeyCreate}, s.alice)
	s.approved(s.AcceptanceOf(false))
	other := s.beside("pool_size = 3\n")
	other.approved(other.AcceptanceOf(true))
	if v, err := s.VerifyAudit(t.Context(), nil, nil); err != nil || len(v.Findings) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	mine := s.AcceptanceOf(false) // revoked by now
	s.change("INSERT INTO settings (digest, view, accepted_at, accepted_by) VALUES ('" + mine.Settings + "', '" + strings.Join(mine.View, "\n") + "', '2026-11-28T07:00:00.000000Z', 'alice')")
	v, err := s.VerifyAudit(t.Context(), nil, nil)
	if err != nil || len(v.Findings) != 1 || v.Findings[0].Kind != "forged" || !strings.Contains(v.Findings[0].Text, mine.Settings) {
		t.Errorf("%+v, %v", v, err)
	}
}

// Who can write a coffer.toml cannot except himself from what takes two.
func TestSettingsThatAreNotInForceDoNotLoosenFourEyes(t *testing.T) {
	s := newStaff(t)
	loose := s.beside("[four_eyes]\nverbs = []\n")
	loose.done(activation(operators.Activate, coldWallet), s.carol) // nobody signed for any yet
	s.done(activation(operators.Deactivate, coldWallet), s.carol)
	s.approved(s.AcceptanceOf(false))
	loose.proposed(activation(operators.Activate, coldWallet), s.carol)
	loose.proposed(loose.AcceptanceOf(false), s.alice)
	loose.approved(loose.AcceptanceOf(false))
	loose.done(activation(operators.Activate, coldWallet), s.carol)
}
