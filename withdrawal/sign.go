package withdrawal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// signAtOnce is how many intents go to the signing machine in one question.
const signAtOnce = 256

// sign asks the signing machine about every intent that was asked and has no answer yet, with exactly the stored intent. So a
// machine, a connection or a daemon that died in between changes nothing: the same intent gets the same answer (F34).
func (l *lane) sign(ctx context.Context) (again bool, err error) {
	var asked []store.Attempt
	err = l.db.View(ctx, func(r store.Reader) error {
		if is, err := paused(ctx, r); err != nil || is {
			return err
		}
		f := l.attempts(store.AttemptAsked)
		f.Limit, f.Device = signAtOnce, l.gate.machine()
		var err error
		asked, err = r.Attempts(ctx, f)
		return err
	})
	if err != nil || len(asked) == 0 {
		return false, storefault.Of(err, "read what is asked for")
	}
	if asked, err = l.here(ctx, asked); err != nil || len(asked) == 0 {
		return false, err
	}
	// A cancellation over an unanswered ask comes first: signed, it closes the nonce to what was not signed before.
	slices.SortStableFunc(asked, func(a, b store.Attempt) int { return cancelsFirst(a) - cancelsFirst(b) })
	if err := l.signThese(ctx, asked); err != nil {
		return false, err
	}
	l.wake(stepSend)
	return true, nil
}

func cancelsFirst(a store.Attempt) int {
	if a.Purpose == string(signing.PurposeCancel) {
		return 0
	}
	return 1
}

// signThese has attempts signed, and writes the answers down.
func (l *lane) signThese(ctx context.Context, asked []store.Attempt) error {
	held, tokens, err := l.carried(ctx, asked)
	if err != nil {
		return err
	}
	if err := l.gate.open(ctx); err != nil {
		return err
	}
	batch := signing.Batch{Held: held, Requests: make([]signing.Request, len(asked))}
	for i, a := range asked {
		batch.Requests[i].Authorizations = tokens[a.ID]
		if batch.Requests[i].Intent, err = signing.Parse(a.Intent); err != nil {
			return fmt.Errorf("attempt %d: %w", a.ID, err)
		}
	}
	answers, err := l.signer.Sign(ctx, batch)
	if err != nil {
		l.gate.doubt() // it may be another machine by now, or one that went back
		return err
	}
	return l.keep(ctx, asked, tokens, answers)
}

// keep writes answers down. A receipt whose number another answer has shows that the machine forgot that one.
func (l *lane) keep(ctx context.Context, asked []store.Attempt, with map[int64][]string, answers []signing.Answer) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	err := settle(len(asked), func(from, to int) error { return l.answered(ctx, asked[from:to], with, answers[from:to]) })
	if errors.Is(err, store.ErrExists) {
		return l.gate.shut(*rolledBack("it gave the number of a receipt that is held here to another answer"))
	}
	if err == nil {
		l.gate.kept(answers)
	}
	return err
}

// taken writes down answers that the journal knew and that got lost on their way. Those on chains that are not configured here are left to
// the daemon that drives them.
func (e *Engine) taken(ctx context.Context, asked []store.Attempt, answers []signing.Answer) error {
	for _, l := range e.lanes {
		var as []store.Attempt
		var ans []signing.Answer
		for i, a := range asked {
			if a.ChainType == l.setup.Type && a.ChainID == l.setup.ID {
				as, ans = append(as, a), append(ans, answers[i])
			}
		}
		if len(as) == 0 {
			continue
		}
		if err := l.keep(ctx, as, nil, ans); err != nil {
			return err
		}
		l.wake(stepSend)
	}
	return nil
}

// carried is what goes along with intents, as the database has it: the highest receipt that it holds, and by attempt what payments came
// with. That goes along with a payment alone: what gives nothing to anybody needs none.
func (l *lane) carried(ctx context.Context, asked []store.Attempt) (held signing.Held, of map[int64][]string, err error) {
	ledger, err := ledgerID(ctx, l.db)
	if err != nil {
		return held, nil, err
	}
	var payments []string
	for _, a := range asked {
		if a.Purpose == string(signing.PurposePayment) {
			payments = append(payments, a.Payment)
		}
	}
	var tokens map[string][]string
	err = l.db.View(ctx, func(r store.Reader) (err error) {
		if held, err = l.gate.held(ctx, r, ledger); err == nil && len(payments) > 0 {
			tokens, err = r.Authorizations(ctx, payments)
		}
		return err
	})
	of = make(map[int64][]string, len(payments))
	for _, a := range asked {
		if a.Purpose == string(signing.PurposePayment) {
			of[a.ID] = tokens[a.Payment]
		}
	}
	return held, of, storefault.Of(err, "read the authorizations of what is asked for")
}

// answered writes down what the signing machine said that is reachable.
func (l *lane) answered(ctx context.Context, asked []store.Attempt, with map[int64][]string, answers []signing.Answer) error {
	return l.concluded(ctx, asked, answers, conclusion{with: with, receipt: l.gate.receipt})
}

// concluded writes down what a signing machine said, in one transaction.
func (l *lane) concluded(ctx context.Context, asked []store.Attempt, answers []signing.Answer, c conclusion) error {
	var s signed
	err := l.db.Update(ctx, func(tx store.Tx) error {
		var err error
		if s, err = conclude(ctx, tx, asked, answers, c); err != nil {
			return err
		}
		audit := s.refusals
		if s.signatures > 0 {
			audit = append(audit[:len(audit):len(audit)], store.AuditRow{
				Action: actionSign, Subject: l.batch(s.signatures, "signature"), Result: store.ResultDone,
			})
		}
		return record(ctx, tx, l.actor, audit)
	})
	if err != nil {
		return storefault.Of(err, "write down what the signing machine said")
	}
	l.observeMoves(s.attempts, byID(asked))
	for i, a := range asked {
		if a.Purpose == string(signing.PurposePayment) {
			l.heard(a, answers[i].Refusal)
		}
	}
	l.observeEnds(s.withdrawals, nil)
	for _, r := range s.refusals {
		l.log.Warn("the signing machine refuses", "payment", r.Subject, "becomes", r.After, "reason", r.Reason)
	}
	if len(s.withdrawals) > 0 {
		l.wake(stepBind)
	}
	return nil
}

// conclusion is how answers are taken.
type conclusion struct {
	with    map[int64][]string // the authorizations that went along, by attempt; where that is not known, none is called refused
	receipt func(signing.Answer) store.Receipt
	final   bool // whatever is refused ends its payment
}

// conclude moves attempts and payments by what the signing machine said.
func conclude(ctx context.Context, tx store.Tx, asked []store.Attempt, answers []signing.Answer, c conclusion) (signed, error) {
	others, err := alive(ctx, tx, asked, answers)
	if err != nil {
		return signed{}, err
	}
	is, err := paused(ctx, tx)
	if err != nil {
		return signed{}, err
	}
	s := signed{final: c.final, hold: is}
	for i, a := range asked {
		s.add(a, c.with[a.ID], answers[i], c.receipt(answers[i]), others[a.ID])
	}
	if err := tx.MoveAttempts(ctx, s.attempts); err != nil || len(s.withdrawals) == 0 {
		return s, err
	}
	return s, tx.MoveWithdrawals(ctx, s.withdrawals)
}

// alive says of the refused attempts at whose nonce another one may still come to something: then the payment stands with that one.
func alive(ctx context.Context, r store.Reader, asked []store.Attempt, answers []signing.Answer) (map[int64]bool, error) {
	refused := map[int64]bool{}
	var payments []string
	for i, a := range asked {
		if answers[i].Refusal != nil {
			refused[a.ID] = true
			payments = append(payments, a.Payment)
		}
	}
	payments = slices.DeleteFunc(payments, func(id string) bool { return id == "" })
	if len(payments) == 0 {
		return nil, nil
	}
	all, err := r.Attempts(ctx, store.AttemptFilter{Payments: payments, States: append([]string{store.AttemptFinal}, open...)})
	others := map[int64]bool{}
	for _, a := range asked {
		others[a.ID] = refused[a.ID] && slices.ContainsFunc(all, func(x store.Attempt) bool {
			return x.Payment == a.Payment && x.WalletID == a.WalletID && x.Nonce == a.Nonce && !refused[x.ID]
		})
	}
	return others, err
}

// signed is what the answers come to.
type signed struct {
	attempts    []store.AttemptMove
	withdrawals []store.WithdrawalMove
	refusals    []store.AuditRow
	signatures  int
	final       bool
	hold        bool // what would be queued is held: the ledger was restored, and what became of it since is not known
}

// add decides what follows from one answer. A refusal ends the payment, queues it again, or has a person look, by its kind; its
// nonce is used in any case, and filled. Unless another attempt at the nonce stands (others): then only this attempt is refused.
func (s *signed) add(a store.Attempt, with []string, answer signing.Answer, receipt store.Receipt, others bool) {
	if answer.Refusal == nil {
		m := moveAttempt(a, store.AttemptSigned)
		m.Raw, m.Hash, m.Receipt = answer.Raw, answer.Hash, receipt
		s.attempts = append(s.attempts, m)
		s.signatures++
		return
	}
	r := answer.Refusal
	reason := refusalNote(*r)
	m := moveAttempt(a, store.AttemptRefused)
	m.Refusal, m.Note, m.Receipt = string(r.Kind), reason, receipt
	s.attempts = append(s.attempts, m)
	subject, after := a.Payment, "the gap stays"
	switch {
	case a.Payment == "":
		subject = fmt.Sprintf("gap fill of nonce %d of %s", a.Nonce, a.Address)
	case others:
		after = "another attempt at its nonce stands"
	case a.Purpose == string(signing.PurposeCancel):
		after = "it stays as it is"
	default:
		kind := r.Kind
		if s.final && kind == signing.RefusedForNow {
			kind, reason = signing.RefusedForGood, reason+"; pay it with a new request id"
		}
		w := afterRefusal(a.Payment, kind, reason)
		if s.hold && w.To == store.WithdrawalQueued {
			w = moveWithdrawal(a.Payment, store.WithdrawalAssigned, store.WithdrawalHeld, "", reason)
		}
		if kind == signing.RefusedForNow && wantsAuthorization(*r) {
			w.Unauthorized, w.Against = reason, with
		}
		s.withdrawals = append(s.withdrawals, w)
		after = w.To
		if w.Outcome != "" {
			after = w.Outcome
		}
	}
	s.refusals = append(s.refusals, store.AuditRow{
		Action: actionSign, Subject: subject, Before: a.Digest, After: after, Result: store.ResultRefused, Reason: reason,
	})
}

func afterRefusal(payment string, kind signing.RefusalKind, reason string) store.WithdrawalMove {
	switch kind {
	case signing.RefusedForGood:
		return moveWithdrawal(payment, store.WithdrawalAssigned, store.WithdrawalEnded, store.OutcomeRefused, reason)
	case signing.RefusedForNow:
		return moveWithdrawal(payment, store.WithdrawalAssigned, store.WithdrawalQueued, "", reason)
	default: // a conflict, or a kind that this program does not know: a person has to look
		return moveWithdrawal(payment, store.WithdrawalAssigned, store.WithdrawalNeedsReview, "", reason)
	}
}
