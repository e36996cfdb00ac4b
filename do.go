package coffer

import (
	"context"
	"errors"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/presence"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/wallet"
)

// Act is an administrative thing to be done, complete (docs/operators.md lists the verbs and their fields).
type Act = operators.Act

// Operator is somebody who may have acts done, by one key. Those that are revoked stay listed.
type Operator = store.Operator

// OperatorKeys sign for an operator: an ssh-agent's keys, or one in a file.
type OperatorKeys = operators.Keys

// By is who has something done, and why.
type By struct {
	Keys   OperatorKeys // nil: nobody signs, which is enough as long as nobody is named as operator
	Name   string       // which operator, if the keys are those of several
	Reason string
	Seen   func(wallet.BatchResult) // told of each row of a create_batch; nil: nobody is
}

// Done is what became of an act.
type Done struct {
	// Proposal is there if nothing was done yet: another person has to approve it.
	Proposal *Proposal
	// Result is what the verb gives back; see docs/operators.md. It may be there beside an error.
	Result any
	// By is who signed; zero: nobody is named as operator, so everybody may do everything.
	By Operator
	// Alone says that two people should have agreed, and that there is no second officer who could.
	Alone bool
}

// Do has an act done. What is executed is the act that is signed, nothing else. Once operators are named, one of them must sign it, whose role
// is enough: else it is a fault.NotAllowed, and a refused audit row. Where two people are needed (four_eyes in coffer.toml) and there are two
// officers, it is not done but proposed.
func (s *System) Do(ctx context.Context, act Act, by By) (Done, error) {
	if err := act.Check(); err != nil {
		return Done{}, err
	}
	f, err := s.facts(ctx)
	if err != nil {
		return Done{}, err
	}
	if len(f.named) == 0 {
		j, err := s.job(ctx, act, by)
		if err != nil {
			return Done{}, err
		}
		result, err := j.do(ctx)
		return Done{Result: result}, err
	}
	self, err := operators.Choose(ctx, f.named, by.Keys, by.Name)
	if err != nil {
		return Done{}, s.deny(ctx, act, nil, err)
	}
	return s.doAs(ctx, f, self, act, by)
}

// doAs has an operator do something, or propose it.
func (s *System) doAs(ctx context.Context, f facts, self operators.Self, act Act, by By) (Done, error) {
	done := Done{By: self.Operator}
	purpose := operators.Do
	kinds, err := s.kinds(ctx, act)
	if err != nil {
		return done, err
	}
	if s.matters(f.settings).Need(act.Verb, kinds...) {
		if operators.InForce(f.named) {
			purpose = operators.Propose
		} else {
			done.Alone = true
		}
	}
	if err := s.allowed(ctx, f, self, purpose, act); err != nil {
		return done, err
	}
	j, err := s.job(ctx, act, by)
	if err != nil {
		return done, err
	}
	if purpose == operators.Propose {
		done.Proposal, err = s.propose(ctx, f, self, act, by.Reason, j)
		return done, err
	}
	st := operators.NewStatement(f.ledger, operators.Do, self.Name, act, by.Reason, f.now)
	w, err := s.warrant(ctx, self, st, act)
	if err != nil {
		return done, err
	}
	w.Check = func(ctx context.Context, r store.Reader) error {
		if err := s.stillOne(ctx, r, act.Verb, kinds); err != nil || j.check == nil {
			return err
		}
		return j.check(ctx, r, self.Operator)
	}
	done.Result, err = j.do(operators.With(ctx, w))
	return done, err
}

// stillOne refuses what one person alone may not do any more, because a second officer was named meanwhile.
func (s *System) stillOne(ctx context.Context, r store.Reader, v operators.Verb, kinds []string) error {
	named, err := r.Operators(ctx)
	if err != nil {
		return err
	}
	m, err := r.SettingsOf(ctx, s.config.Settings.Digest)
	if err == nil && s.matters(m).Need(v, kinds...) && operators.InForce(named) {
		err = fault.New(fault.NotAllowed, "four_eyes", "say the command again: it is proposed then", "%s takes two people", v)
	}
	return err
}

// facts are what a decision about an operator begins with.
type facts struct {
	ledger   string
	named    []store.Operator
	settings store.SettingsMark // of this home's
	now      time.Time          // by the store's clock
}

func (s *System) facts(ctx context.Context) (f facts, err error) {
	if f.ledger, err = s.Ledger(ctx); err != nil {
		return f, err
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		if f.named, err = r.Operators(ctx); err != nil {
			return err
		}
		if f.settings, err = r.SettingsOf(ctx, s.config.Settings.Digest); err != nil {
			return err
		}
		f.now, err = r.Now(ctx)
		return err
	})
	return f, storefault.Of(err, "read the operators")
}

// allowed refuses, with an audit row, what the operator's role is not enough for, before anything is asked of anybody. It signs nothing: the
// warrant is judged again with the change.
func (s *System) allowed(ctx context.Context, f facts, self operators.Self, p operators.Purpose, act Act) error {
	if err := operators.Allowed(self.Operator, p, act.Verb); err != nil {
		st := operators.NewStatement(f.ledger, p, self.Name, act, "", f.now)
		signed, failed := self.Sign(ctx, st) // so that it is proven who tried
		if failed != nil {
			return s.deny(ctx, act, nil, err)
		}
		return s.deny(ctx, act, &signed, err)
	}
	return nil
}

// warrant has the operator sign a statement.
func (s *System) warrant(ctx context.Context, self operators.Self, st operators.Statement, act Act, before ...operators.Signed) (*operators.Warrant, error) {
	signed, err := self.Sign(ctx, st)
	if err != nil {
		return nil, s.deny(ctx, act, nil, err)
	}
	return &operators.Warrant{Act: act, Signed: append(before, signed), User: presence.NewID()}, nil
}

// deny records that an act was refused, with who is proven to have tried it, and gives the refusal back. What was not refused but failed is
// given back alone.
func (s *System) deny(ctx context.Context, act Act, signed *operators.Signed, refusal error) error {
	return s.denied(ctx, store.AuditRow{Action: act.Action(), Subject: act.Subject()}, signed, refusal)
}

func (s *System) denied(ctx context.Context, row store.AuditRow, signed *operators.Signed, refusal error) error {
	if !errors.Is(refusal, fault.NotAllowed) && !errors.Is(refusal, fault.Refused) {
		return refusal
	}
	row.Actor, row.Result, row.Reason = s.actor, store.ResultRefused, refusal.Error()
	err := s.db.Update(ctx, func(tx store.Tx) error {
		if signed != nil {
			named, err := tx.Operators(ctx)
			if err != nil {
				return err
			}
			operators.Stamp(&row, []operators.Signed{*signed}, named)
		}
		return tx.Record(ctx, []store.AuditRow{row})
	})
	if err != nil {
		return fault.Wrap(refusal, nil, fault.Code(refusal), fault.Hint(refusal), "refused, and the refusal could not be recorded (%v)", err)
	}
	return refusal
}

// warnOpen says in the daemon's log that everybody may do everything.
func (s *System) warnOpen(ctx context.Context) {
	if f, err := s.facts(ctx); err == nil && len(f.named) == 0 {
		s.log.Warn("nobody is named as operator: everybody who reaches the database may change everything", "hint", "coffer operator add")
	}
}

// Operators lists all who were ever named, oldest first.
func (s *System) Operators(ctx context.Context) ([]Operator, error) {
	f, err := s.facts(ctx)
	return f.named, err
}
