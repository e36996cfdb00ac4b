package coffer_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/operators/operatortest"
	"coffer.internal/nonce"
)

const (
	hotWallet  = "0x52908400098527886E0F7030069857D2E4169EE7"
	coldWallet = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
)

// staff is a ledger with two wallets, two officers and an operator.
type staff struct {
	*testing.T
	*coffer.System
	path              string
	now               time.Time
	alice, bob, carol operatortest.Person
}

func newStaff(t *testing.T) *staff {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := coffer.LoadConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	s := &staff{
		T: t, path: strings.TrimPrefix(c.Database, "sqlite:"), now: time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC),
		alice: operatortest.New(t, "alice"), bob: operatortest.New(t, "bob"), carol: operatortest.New(t, "carol"),
	}
	o := coffer.Options{Now: func() time.Time { return s.now }}
	makeSchema(t, c, o)
	if s.System, err = coffer.Open(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	one := int64(1)
	s.done(coffer.Act{Verb: operators.CreateInternal, Address: hotWallet, ChainType: "evm", ChainID: &one, WalletType: "hot"}, nil)
	s.done(coffer.Act{Verb: operators.CreateInternal, Address: coldWallet, ChainType: "evm", ChainID: &one, WalletType: "cold"}, nil)
	s.done(activation(operators.Deactivate, coldWallet), nil)
	s.done(naming(s.alice, operators.Officer), nil)
	s.done(naming(s.carol, operators.Daily), s.alice)
	s.done(naming(s.bob, operators.Officer), s.alice)
	return s
}

func activation(v operators.Verb, address string) coffer.Act {
	chain := int64(1)
	return coffer.Act{Verb: v, Address: address, ChainID: &chain}
}

func naming(p operatortest.Person, role operators.Role) coffer.Act {
	return coffer.Act{Verb: operators.OperatorAdd, Operator: p.Name, Role: string(role), Key: p.Public()}
}

func (s *staff) by(keys coffer.OperatorKeys) coffer.By { return coffer.By{Keys: keys, Reason: "why"} }

// done has something done.
func (s *staff) done(act coffer.Act, keys coffer.OperatorKeys) coffer.Done {
	s.Helper()
	d, err := s.Do(s.Context(), act, s.by(keys))
	if err != nil || d.Proposal != nil {
		s.Fatalf("%s: %+v, %v", act.Full(), d.Proposal, err)
	}
	return d
}

// proposed has something proposed.
func (s *staff) proposed(act coffer.Act, keys coffer.OperatorKeys) int64 {
	s.Helper()
	d, err := s.Do(s.Context(), act, s.by(keys))
	if err != nil || d.Proposal == nil {
		s.Fatalf("%s: %+v, %v", act.Full(), d, err)
	}
	return d.Proposal.ID
}

func (s *staff) active(address string) bool {
	s.Helper()
	w, err := s.Wallets.Find(s.Context(), address, 1)
	if err != nil {
		s.Fatal(err)
	}
	return w.Active
}

// refused checks that something was refused with a code, and that the newest audit row says so, once.
func (s *staff) refused(what string, before int64, err error, code string) {
	s.Helper()
	rows, failed := s.Audit(s.Context(), coffer.AuditFilter{AfterID: before})
	if failed != nil {
		s.Fatal(failed)
	}
	if fault.Code(err) != code || len(rows) != 1 || rows[0].Result != "refused" || !strings.Contains(rows[0].Reason, err.Error()) {
		s.Errorf("%s: %v (%s), want %s; recorded: %+v", what, err, fault.Code(err), code, rows)
	}
}

func (s *staff) newest() int64 {
	s.Helper()
	rows, err := s.Audit(s.Context(), coffer.AuditFilter{Limit: 1})
	if err != nil {
		s.Fatal(err)
	}
	return rows[0].ID
}

// change changes the database by hand, as its owner can.
func (s *staff) change(statement string) {
	s.Helper()
	db, err := sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		s.Fatal(err)
	}
}

func TestAProgramThatGoesPastDoIsRefusedOnceSomebodyIsNamed(t *testing.T) {
	s := newStaff(t)
	for what, do := range map[string]func() error{
		"SetActive": func() error { _, _, err := s.Wallets.SetActive(s.Context(), hotWallet, 1, false); return err },
		"Sync": func() error {
			_, err := s.Nonces.Sync(s.Context(), nonce.SyncCall{Address: hotWallet, ChainID: 1, To: 5})
			return err
		},
		"SyncMany": func() error {
			_, err := s.SyncMany(s.Context(), []nonce.SyncCall{{Address: hotWallet, ChainID: 1, To: 5}}, false)
			return err
		},
		"ClearCache":     func() error { _, err := s.ClearCache(s.Context()); return err },
		"CreateAuditKey": func() error { _, err := s.CreateAuditKey(s.Context()); return err },
	} {
		before := s.newest()
		s.refused(what, before, do(), "operator_required")
	}
	if !s.active(hotWallet) {
		t.Error("it was done")
	}
	if _, err := s.Nonces.Reserve(s.Context(), nonce.Call{Address: hotWallet, ChainID: 1, Request: "r", Count: 1}); err != nil {
		t.Errorf("a service needs no operator: %v", err)
	}
}

func TestWhatAnOperatorMayDoIsDoneOnceAndProven(t *testing.T) {
	s := newStaff(t)
	d := s.done(activation(operators.Deactivate, hotWallet), s.carol)
	rows, err := s.Audit(s.Context(), coffer.AuditFilter{Limit: 1})
	if err != nil || d.By.Name != "carol" || rows[0].Action != "wallet.deactivate" || rows[0].Actor != "carol ("+s.carol.Fingerprint()+")" {
		t.Fatalf("%v: %+v", err, rows)
	}
	for _, want := range []string{`\"purpose\":\"do\"`, `\"verb\":\"deactivate\"`, hotWallet, `\"reason\":\"why\"`, "SSH SIGNATURE"} {
		if !strings.Contains(rows[0].Signed, want) {
			t.Errorf("%s is not in %s", want, rows[0].Signed)
		}
	}
}

func TestAProposalIsDoneByAnotherOfficerWithBothSignatures(t *testing.T) {
	s := newStaff(t)
	id := s.proposed(activation(operators.Activate, coldWallet), s.carol)
	if s.active(coldWallet) {
		t.Fatal("it was done already")
	}
	d, err := s.Approve(s.Context(), id, false, s.by(s.bob))
	if err != nil || !d.Result.(coffer.WalletDone).Changed || !s.active(coldWallet) {
		t.Fatalf("%+v, %v", d, err)
	}
	rows, err := s.Audit(s.Context(), coffer.AuditFilter{Action: "wallet.activate"})
	if err != nil || len(rows) != 1 || rows[0].Actor != "bob ("+s.bob.Fingerprint()+")" {
		t.Fatalf("%v: %+v", err, rows)
	}
	if all, err := operators.DecodeSigned(rows[0].Signed); err != nil || len(all) != 2 || all[0].Fingerprint != s.carol.Fingerprint() || all[1].Fingerprint != s.bob.Fingerprint() {
		t.Errorf("%v: %s", err, rows[0].Signed)
	}
}

func TestWhatIsNoApprovalChangesNothing(t *testing.T) {
	cold := activation(operators.Activate, coldWallet)
	for what, c := range map[string]struct {
		maker func(s *staff) operatortest.Person
		do    func(s *staff, id int64)
		by    func(s *staff) operatortest.Person
		code  string
	}{
		"by its maker":   {alice, nil, alice, "own_proposal"},
		"by a stranger":  {alice, nil, func(s *staff) operatortest.Person { return operatortest.New(s.T, "eve") }, "operator_required"},
		"by an operator": {alice, nil, carol, "role_too_small"},
		"after its time": {alice, func(s *staff, _ int64) { s.now = s.now.Add(24 * time.Hour) }, bob, "proposal_expired"},
		"when its maker was revoked": {carol, func(s *staff, _ int64) {
			id := s.proposed(coffer.Act{Verb: operators.OperatorRevoke, Operator: "carol"}, s.alice)
			if _, err := s.Approve(s.Context(), id, false, s.by(s.bob)); err != nil {
				s.Fatal(err)
			}
		}, bob, "maker_revoked"},
		"when it was withdrawn": {carol, func(s *staff, id int64) {
			s.done(coffer.Act{Verb: operators.ProposalWithdraw, Proposal: id}, s.carol)
		}, bob, "proposal_ended"},
		"when what it is about changed": {carol, func(s *staff, _ int64) {
			s.change("UPDATE internal_wallets SET wallet_type = 'vault' WHERE address = '" + coldWallet + "'")
		}, bob, "proposal_changed"},
		"when its act was changed by hand": {carol, func(s *staff, _ int64) {
			s.change("UPDATE proposals SET act = replace(act, '" + coldWallet + "', '" + hotWallet + "')")
		}, bob, "proposal_changed"},
		"when it was written by hand, with another's signature": {carol, func(s *staff, id int64) {
			other := s.proposed(coffer.Act{Verb: operators.OperatorRevoke, Operator: "carol"}, s.alice)
			s.change("UPDATE proposals SET signed = (SELECT signed FROM proposals WHERE id = 2), maker = 'alice', maker_key = (SELECT maker_key FROM proposals WHERE id = 2) WHERE id = 1")
			if other != 2 || id != 1 {
				s.Fatal("these are not their numbers")
			}
		}, bob, "bad_proposal"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStaff(t)
			id := s.proposed(cold, c.maker(s))
			if c.do != nil {
				c.do(s, id)
			}
			before := s.newest()
			_, err := s.Approve(s.Context(), id, false, s.by(c.by(s)))
			s.refused(what, before, err, c.code)
			if s.active(coldWallet) {
				t.Error("it was done")
			}
		})
	}
}

func alice(s *staff) operatortest.Person { return s.alice }
func bob(s *staff) operatortest.Person   { return s.bob }
func carol(s *staff) operatortest.Person { return s.carol }

func TestWhoWasNamedByHandIsFound(t *testing.T) {
	s := newStaff(t)
	if _, err := s.CreateAuditKey(s.Context()); !errors.Is(err, coffer.ErrNotAllowed) {
		t.Errorf("%v", err)
	}
	s.done(coffer.Act{Verb: operators.AuditKeyCreate}, s.alice)
	if v, err := s.VerifyAudit(s.Context(), nil, nil); err != nil || len(v.Findings) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	eve := operatortest.New(t, "eve")
	s.change("INSERT INTO operators (name, role, key, fingerprint, added_at) VALUES ('eve', 'officer', '" + eve.Public() + "', '" + eve.Fingerprint() + "', '2026-11-28T06:00:00.000000Z')")
	v, err := s.VerifyAudit(s.Context(), nil, nil)
	if err != nil || len(v.Findings) != 1 || v.Findings[0].Kind != "forged" || !strings.Contains(v.Findings[0].Text, "eve") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestOfTwoWhoApproveOneIsSecond(t *testing.T) {
	s := newStaff(t)
	id := s.proposed(activation(operators.Activate, coldWallet), s.carol)
	errs := make(chan error, 2)
	for _, p := range []operatortest.Person{s.alice, s.bob} {
		go func() {
			_, err := s.Approve(s.Context(), id, false, s.by(p))
			errs <- err
		}()
	}
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) {
		t.Errorf("%v, %v", first, second)
	}
}

func TestABrokenGlassIsLookedAtByAnotherOfficer(t *testing.T) {
	s := newStaff(t)
	id := s.proposed(activation(operators.Activate, coldWallet), s.bob)
	if _, err := s.Approve(s.Context(), id, true, coffer.By{Keys: s.bob}); !errors.Is(err, coffer.ErrUsage) {
		t.Errorf("without a reason: %v", err)
	}
	before := s.newest()
	_, err := s.Approve(s.Context(), id, true, s.by(s.carol))
	s.refused("no officer", before, err, "role_too_small")
	if _, err := s.Approve(s.Context(), id, true, s.by(s.bob)); err != nil || !s.active(coldWallet) {
		t.Fatal(err)
	}
	open, err := s.Alarms(s.Context(), false)
	if err != nil || len(open) != 1 || open[0].Kind != "break_glass" || !open[0].Sticky {
		t.Fatalf("%v: %+v", err, open)
	}
	lift := coffer.Act{Verb: operators.AlarmLift, Alarm: open[0].ID}
	for _, c := range []struct {
		by   operatortest.Person
		code string
	}{{s.bob, "own_break_glass"}, {s.carol, "role_too_small"}} {
		before := s.newest()
		_, err := s.Do(s.Context(), lift, s.by(c.by))
		s.refused("lifted by "+c.by.Name, before, err, c.code)
	}
	s.done(lift, s.alice)
}

func TestTheLastOfficerStaysAndNamesAreNobodyElses(t *testing.T) {
	s := newStaff(t)
	id := s.proposed(coffer.Act{Verb: operators.OperatorRevoke, Operator: "bob"}, s.bob)
	if _, err := s.Approve(s.Context(), id, false, s.by(s.alice)); err != nil {
		t.Fatal(err)
	}
	eve := operatortest.New(t, "eve")
	again := naming(eve, operators.Officer)
	again.Operator = "bob"
	reused := naming(s.bob, operators.Officer)
	reused.Operator = "eve"
	for code, act := range map[string]coffer.Act{
		"last_officer": {Verb: operators.OperatorRevoke, Operator: "alice"}, "name_used": again, "key_used": reused,
	} {
		before := s.newest()
		_, err := s.Do(s.Context(), act, s.by(s.alice))
		s.refused(code, before, err, code)
	}
}
