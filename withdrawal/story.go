package withdrawal

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
	"coffer.internal/signing"
)

// Story is a withdrawal with everything that became of it.
type Story struct {
	Withdrawal Withdrawal
	Attempts   []Attempt        // oldest first
	Events     []store.Event    // every change of it and of its attempts, in order
	Records    []store.AuditRow // what people and programs did or tried to do with it, oldest first
	Wishes     []store.Wish     // bumps and cancellations that operators wished
}

// Moment is one line of a story.
type Moment struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"`
}

// Story shows one withdrawal with everything that became of it.
func (d *Desk) Story(ctx context.Context, payment string) (s Story, err error) {
	err = d.db.View(ctx, func(r store.Reader) (err error) {
		if s.Withdrawal, err = d.get(ctx, r, payment); err != nil {
			return err
		}
		if s.Attempts, err = r.Attempts(ctx, store.AttemptFilter{Payments: []string{payment}}); err != nil {
			return err
		}
		if s.Events, err = r.Events(ctx, store.EventFilter{Payments: []string{payment}}); err != nil {
			return err
		}
		if s.Wishes, err = r.Wishes(ctx, store.WishFilter{Payments: []string{payment}}); err != nil {
			return err
		}
		s.Records, err = r.Audit(ctx, store.AuditFilter{Subject: payment})
		slices.Reverse(s.Records)
		return err
	})
	return s, storefault.Of(err, "read withdrawal "+clip(payment))
}

// told are the records that say nothing which an event does not say.
var told = []string{actionAccept, actionEnd, actionReview, actionQueue}

// Moments tell the story in order: every state, attempt, hash, fee, node's answer and reason to wait, with who and when.
func (s Story) Moments() []Moment {
	attempts := make(map[int64]Attempt, len(s.Attempts))
	for _, a := range s.Attempts {
		attempts[a.ID] = a
	}
	var all []Moment
	for _, e := range s.Events {
		m := Moment{At: e.At.UTC(), Who: e.Actor}
		if e.Subject == store.SubjectWithdrawal {
			m.What = ofWithdrawal(e)
		} else {
			m.What = ofAttempt(e, attempts[e.Attempt])
		}
		all = append(all, m)
	}
	for _, r := range s.Records {
		if r.Result == store.ResultRefused && r.Action != actionSign || !slices.Contains(told, r.Action) && r.Action != actionSign {
			all = append(all, Moment{At: r.At.UTC(), Who: r.Actor, What: ofRecord(r)})
		}
	}
	for _, w := range s.Wishes {
		if !w.EndedAt.IsZero() && w.Result != "" {
			all = append(all, Moment{At: w.EndedAt.UTC(), Who: w.Actor, What: fmt.Sprintf("the wish to %s is over: %s", w.Kind, w.Result)})
		}
	}
	slices.SortStableFunc(all, func(a, b Moment) int { return a.At.Compare(b.At) })
	return all
}

func ofWithdrawal(e store.Event) string {
	var what string
	switch {
	case e.From == "" && e.To == store.WithdrawalQueued:
		what = "accepted: queued"
	case e.From == e.To && e.Outcome == "":
		what = e.To + " still"
	case e.Outcome != "":
		what = "ended: " + e.Outcome
	default:
		what = e.To
	}
	if e.To == store.WithdrawalAssigned && e.From != e.To && e.Nonce != nil {
		what += fmt.Sprintf(": nonce %d of %s", *e.Nonce, e.Address)
	}
	if e.Detail != "" {
		what += ": " + e.Detail
	}
	return what
}

func ofAttempt(e store.Event, a Attempt) string {
	what := fmt.Sprintf("attempt %d", e.Attempt)
	switch {
	case e.From == "":
		what += fmt.Sprintf(" (%s) at nonce %d is asked for", strings.ReplaceAll(e.Purpose, "_", " "), nonceOf(e))
		if fees := offered(a); fees != "" {
			what += ", " + fees
		}
	case e.From == e.To && e.Detail == "":
		what += ": the nodes take it"
	case e.From == e.To:
		what += " stays " + e.To
	case e.To == store.AttemptSigned:
		what += " is signed: " + e.Hash
	case e.To == store.AttemptMined || e.To == store.AttemptFinal:
		what += " is " + e.To
		if a.BlockHash != "" {
			what += fmt.Sprintf(" in block %d, fee %s gwei", a.BlockNumber, gwei(a.Fee))
		}
	default:
		what += " is " + e.To
	}
	if e.Detail != "" {
		what += ": " + e.Detail
	}
	return what
}

func nonceOf(e store.Event) uint64 {
	if e.Nonce == nil {
		return 0
	}
	return *e.Nonce
}

func ofRecord(r store.AuditRow) string {
	what := r.Action
	if r.Result == store.ResultRefused {
		what += " refused"
	}
	for _, more := range []string{r.After, r.Reason} {
		if more != "" {
			what += ": " + more
		}
	}
	return what
}

// offered are the fees that an attempt offers, for a person.
func offered(a Attempt) string {
	i, err := signing.Parse(a.Intent)
	if err != nil || i.EVM == nil {
		return ""
	}
	if i.EVM.GasPrice != "" {
		return "gas price " + gwei(i.EVM.GasPrice) + " gwei"
	}
	return fmt.Sprintf("max fee %s gwei, priority fee %s gwei", gwei(i.EVM.MaxFeePerGas), gwei(i.EVM.MaxPriorityFeePerGas))
}

// gwei shows wei in gwei, exactly.
func gwei(wei string) string {
	if n, ok := new(big.Int).SetString(wei, 10); ok {
		return FormatAmount(n.String(), 9)
	}
	return "?"
}
