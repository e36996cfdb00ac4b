package coffer

import (
	"context"
	"fmt"
	"strings"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/presence"
	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/withdrawal"
)

// Change is one thing that a proposal changes, in words.
type Change = operators.Change

// Proposal is something that one person wants done and another one has to approve.
type Proposal struct {
	store.Proposal
	Act     Act
	Preview []Change
	Expired bool // it is open, and its time is over
}

const (
	actionPropose    = "proposal.make"
	actionApprove    = "proposal.approve"
	actionBreakGlass = "proposal.break_glass"
	actionWithdraw   = "proposal.withdraw"
)

// breakGlassKey is the key of the alarm about a proposal that one person carried out alone.
func breakGlassKey(id int64) string {
	return fmt.Sprintf("%s/proposal %d", withdrawal.AlarmBreakGlass, id)
}

func nameOf(p store.Proposal) string { return fmt.Sprint("proposal ", p.ID) }

// propose writes down what somebody wants done, with his signature, and what it would change.
func (s *System) propose(ctx context.Context, f facts, self operators.Self, act Act, reason string, j job) (*Proposal, error) {
	preview, err := s.preview(ctx, j)
	if err != nil {
		return nil, s.deny(ctx, act, nil, err)
	}
	digest := operators.Digest(act, reason, preview)
	st := operators.NewStatement(f.ledger, operators.Propose, self.Name, act, reason, f.now)
	st.Proposal = &operators.ProposalRef{Digest: digest}
	w, err := s.warrant(ctx, self, st, act)
	if err != nil {
		return nil, err
	}
	w.Check = func(ctx context.Context, r store.Reader) error { return s.unchanged(ctx, r, j, act, reason, digest) }
	var made store.Proposal
	err = s.admin.Update(operators.With(ctx, w), func(tx store.Tx) (err error) {
		made, err = tx.AddProposal(ctx, store.Proposal{
			Act: string(act.Full()), Reason: reason, Preview: operators.EncodePreview(preview), Digest: digest,
			Maker: self.Name, MakerKey: self.Fingerprint, Signed: operators.Encode(w.Signed),
		}, s.config.FourEyes.Valid)
		if err != nil {
			return err
		}
		return tx.Record(ctx, []store.AuditRow{{
			Actor: s.actor, Action: actionPropose, Subject: nameOf(made), Before: act.Subject(), After: string(act.Brief()), Result: store.ResultDone, Reason: reason,
		}})
	})
	if err != nil {
		return nil, storefault.Of(err, "propose "+string(act.Verb))
	}
	return &Proposal{Proposal: made, Act: act, Preview: preview}, nil
}

// preview says what a job changes by what is in the database now.
func (s *System) preview(ctx context.Context, j job) (changes []operators.Change, err error) {
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		changes, err = j.preview(ctx, r)
		return err
	})
	return changes, storefault.Of(err, "see what it changes")
}

// unchanged refuses a proposal whose preview, made anew, is not what was signed.
func (s *System) unchanged(ctx context.Context, r store.Reader, j job, act Act, reason, digest string) error {
	preview, err := j.preview(ctx, r)
	if err == nil && operators.Digest(act, reason, preview) != digest {
		err = fault.New(fault.Refused, "proposal_changed", "say the command again", "what it is about changed at this moment")
	}
	return err
}

// Proposals lists proposals, oldest first; with all, those that have ended too.
func (s *System) Proposals(ctx context.Context, all bool) ([]Proposal, error) {
	f := store.ProposalFilter{State: store.ProposalOpen}
	if all {
		f.State = ""
	}
	return s.proposals(ctx, f)
}

// Proposal finds one.
func (s *System) Proposal(ctx context.Context, id int64) (Proposal, error) {
	all, err := s.proposals(ctx, store.ProposalFilter{ID: id})
	if err == nil && (len(all) == 0 || id < 1) {
		err = fault.New(fault.NotFound, "proposal_not_found", "coffer approve lists the open ones", "there is no proposal %d", id)
	}
	if err != nil {
		return Proposal{}, err
	}
	return all[0], nil
}

func (s *System) proposals(ctx context.Context, f store.ProposalFilter) (all []Proposal, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		all = nil
		found, err := r.Proposals(ctx, f)
		if err != nil {
			return err
		}
		now, err := r.Now(ctx)
		if err != nil {
			return err
		}
		for _, p := range found {
			one := Proposal{Proposal: p, Expired: p.State == store.ProposalOpen && !now.Before(p.ExpiresAt)}
			if one.Act, err = operators.ParseAct([]byte(p.Act)); err != nil {
				return err
			}
			if one.Preview, err = operators.DecodePreview(p.Preview); err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	return all, storefault.Of(err, "list proposals")
}

// Approve has a proposal done, by an officer who did not make it, in one transaction with both signatures. With breakGlass one officer does it
// alone, with a reason, and an alarm says so until another officer ends it.
//
// It is refused, with an audit row, if it has ended, ran out or was made by whoever approves it, if its maker's key was revoked since, and if
// what it would change now is not what he signed.
func (s *System) Approve(ctx context.Context, id int64, breakGlass bool, by By) (Done, error) {
	p, err := s.Proposal(ctx, id)
	if err != nil {
		return Done{}, err
	}
	purpose := operators.Approve
	if breakGlass {
		purpose = operators.BreakGlass
		if strings.TrimSpace(by.Reason) == "" {
			return Done{}, fault.New(fault.Usage, "reason_needed", "say why: --reason TEXT", "to break the glass needs a reason: it is kept in the audit log, and an alarm shows it")
		}
	}
	f, err := s.facts(ctx)
	if err != nil {
		return Done{}, err
	}
	self, err := operators.Choose(ctx, f.named, by.Keys, by.Name)
	if err != nil {
		return Done{}, s.denyProposal(ctx, p, nil, err)
	}
	return s.approveAs(ctx, f, self, p, purpose, by)
}

func (s *System) approveAs(ctx context.Context, f facts, self operators.Self, p Proposal, purpose operators.Purpose, by By) (Done, error) {
	done := Done{By: self.Operator}
	st := operators.NewStatement(f.ledger, purpose, self.Name, p.Act, by.Reason, f.now)
	st.Proposal = &operators.ProposalRef{ID: p.ID, Digest: p.Digest}
	signed, err := self.Sign(ctx, st)
	if err != nil {
		return done, s.denyProposal(ctx, p, nil, err)
	}
	makers, err := operators.DecodeSigned(p.Signed)
	if err != nil {
		return done, err
	}
	j, err := s.job(ctx, p.Act, By{Reason: p.Reason, Seen: by.Seen})
	if err != nil {
		return done, err
	}
	a := approval{s: s, id: p.ID, j: j, self: self.Operator, alone: purpose == operators.BreakGlass, reason: by.Reason}
	if err := a.before(ctx); err != nil { // what is refused is refused before anything is asked of anybody
		return done, s.denyProposal(ctx, p, &signed, err)
	}
	w := &operators.Warrant{Act: p.Act, Signed: append(makers, signed), User: presence.NewID(), Check: a.check, Finish: a.finish}
	done.Result, err = j.do(operators.With(ctx, w))
	return done, err
}

// denyProposal records that an approval was refused.
func (s *System) denyProposal(ctx context.Context, p Proposal, signed *operators.Signed, refusal error) error {
	return s.denied(ctx, store.AuditRow{Action: actionApprove, Subject: nameOf(p.Proposal), After: string(p.Act.Brief())}, signed, refusal)
}

// approval is one person approving one proposal.
type approval struct {
	s      *System
	id     int64
	j      job
	self   store.Operator
	alone  bool
	reason string
}

func (a approval) before(ctx context.Context) error {
	return storefault.Of(a.s.db.View(ctx, func(r store.Reader) error { return a.check(ctx, r) }), fmt.Sprint("approve proposal ", a.id))
}

// check judges the approval by what is in the database now.
func (a approval) check(ctx context.Context, r store.Reader) error {
	ps, err := r.Proposals(ctx, store.ProposalFilter{ID: a.id})
	if err != nil {
		return err
	}
	if len(ps) == 0 {
		return fault.New(fault.NotFound, "proposal_not_found", "coffer approve", "there is no proposal %d", a.id)
	}
	x := operators.Approval{Proposal: ps[0], By: a.self, Alone: a.alone}
	if x.Named, err = r.Operators(ctx); err != nil {
		return err
	}
	if x.Now, err = r.Now(ctx); err != nil {
		return err
	}
	if err := x.Check(); err != nil {
		return err
	}
	act, err := operators.ParseAct([]byte(ps[0].Act))
	if err != nil {
		return err
	}
	if a.j.check != nil {
		if err := a.j.check(ctx, r, a.self); err != nil {
			return err
		}
	}
	preview, err := a.j.preview(ctx, r)
	if err != nil {
		return err
	}
	return x.CheckDigest(act, preview)
}

// finish ends the proposal, and raises the alarm of a broken glass.
func (a approval) finish(ctx context.Context, tx store.Tx) error {
	if err := tx.MoveProposal(ctx, store.ProposalMove{ID: a.id, To: store.ProposalDone, By: a.self.Name}); err != nil {
		return err
	}
	row := store.AuditRow{
		Actor: a.s.actor, Action: actionApprove, Subject: fmt.Sprint("proposal ", a.id), Before: store.ProposalOpen, After: store.ProposalDone,
		Result: store.ResultDone, Reason: a.reason,
	}
	if a.alone {
		row.Action = actionBreakGlass
		alarm := withdrawal.LedgerAlarm(withdrawal.AlarmBreakGlass, "", 0, fmt.Sprintf("%s carried proposal %d out alone: %s", a.self.Name, a.id, a.reason))
		alarm.Key = breakGlassKey(a.id)
		if err := tx.RaiseAlarms(ctx, []store.Alarm{alarm}); err != nil {
			return err
		}
	}
	return tx.Record(ctx, []store.AuditRow{row})
}

// withdrawing takes an open proposal back: whoever made it, or an officer. Its result is the Proposal.
func (s *System) withdrawing(ctx context.Context, act Act, by By) (job, error) {
	if _, err := s.Proposal(ctx, act.Proposal); err != nil {
		return job{}, err
	}
	var op store.Operator // who does it
	return job{
		check: func(ctx context.Context, r store.Reader, by store.Operator) error {
			op = by
			ps, err := r.Proposals(ctx, store.ProposalFilter{ID: act.Proposal})
			switch {
			case err != nil || len(ps) == 0:
			case ps[0].State != store.ProposalOpen:
				err = fault.New(fault.Refused, "proposal_ended", "coffer approve lists the open ones", "proposal %d is %s already, by %s", ps[0].ID, ps[0].State, ps[0].EndedBy)
			case ps[0].Maker != op.Name && op.Role != string(operators.Officer):
				err = fault.New(fault.NotAllowed, "role_too_small", "have it withdrawn by its maker or an officer", "%s is %s, and proposal %d was made by %s", op.Name, op.Role, act.Proposal, ps[0].Maker)
			}
			return err
		},
		do: func(ctx context.Context) (any, error) {
			err := s.admin.Update(ctx, func(tx store.Tx) error {
				if err := tx.MoveProposal(ctx, store.ProposalMove{ID: act.Proposal, To: store.ProposalWithdrawn, By: op.Name}); err != nil {
					return err
				}
				return tx.Record(ctx, []store.AuditRow{{
					Actor: s.actor, Action: actionWithdraw, Subject: fmt.Sprint("proposal ", act.Proposal), Before: store.ProposalOpen, After: store.ProposalWithdrawn,
					Result: store.ResultDone, Reason: by.Reason,
				}})
			})
			if err != nil {
				return nil, storefault.Of(err, fmt.Sprint("withdraw proposal ", act.Proposal))
			}
			return s.Proposal(ctx, act.Proposal)
		},
	}, nil
}
