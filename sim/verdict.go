package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/sim/recount"
	"coffer.internal/withdrawal"
)

// result is what became of one run.
type result struct {
	seed     uint64
	payments int
	count    recount.Count
	reviews  int // payments that stand in needs_review
	caused   int // payments that must: a cause is on the chain, and nobody decided what becomes of it
	hits     map[kind]int
	crashes  map[string]int
	passed   map[string]int
	points   int
	trace    *trace
	hash     uint64
	wrong    []string
	again    string // how to play it again
}

func (t *town) violate(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
	t.say("VIOLATION: %s", t.wrong[len(t.wrong)-1])
}

// day is how long after the last fault every payment must have ended.
const day = 24 * time.Hour

// play plays a seed to its end and judges it.
func (t *town) play() result {
	for !t.calm {
		t.round(time.Duration(500+t.rng.IntN(9500))*time.Millisecond, nil)
	}
	wait := 8 * time.Second
	for n := 1; t.clock.Before(t.lastFault.Add(day)); n++ {
		t.round(wait, nil)
		if n%4 == 0 {
			t.office.lift()
		}
		if n%4 == 0 && len(t.agenda) == 0 && !t.office.waiting() && len(t.underway()) == 0 {
			break
		}
		if n >= 60 {
			wait = min(wait*3/2, t.plan.longest())
		}
	}
	return t.judge()
}

// judge holds what the ledger says, and what the machine signed, against the chain.
func (t *town) judge() result {
	payments, states, err := t.office.payments()
	if err != nil {
		t.violate("the ledger cannot be read: %v", err)
	}
	var wallets []common.Address
	for _, w := range t.wallets {
		wallets = append(wallets, common.HexToAddress(w.Address))
	}
	counter := recount.New(chainID, wallets)
	for _, b := range t.head().Branch() {
		for i, tx := range b.Txs {
			raw, err := tx.MarshalBinary()
			if err != nil {
				t.violate("%v", err)
			}
			m := recount.Mined{Raw: raw, Success: b.Receipts[i].Success}
			for _, l := range b.Receipts[i].Logs {
				m.Logs = append(m.Logs, recount.Transfer{Token: l.Token, From: l.From, To: l.To, Amount: l.Amount})
			}
			if err := counter.Add(m); err != nil {
				t.violate("%v", err)
			}
		}
	}
	r := result{seed: t.seed, payments: len(payments), hits: t.hits, crashes: t.crashes, passed: t.passed, points: t.points, trace: t.trace}
	r.count = counter.Sum(payments, t.book.highest)
	for _, w := range r.count.Wrong {
		t.violate("%s", w)
	}
	caused := t.caused(counter)
	for _, req := range t.office.requests {
		t.judgeEnd(req, states[req.ID], caused, &r)
	}
	for _, a := range t.underway() {
		t.violate("a day after the last fault attempt %d, %s %q at nonce %d, is %s: %s", a.ID, a.Purpose, a.Payment, a.Nonce, a.State, a.Note)
	}
	t.judgeSignings()
	t.judgeLimit()
	if len(t.wrong) > 0 {
		t.office.tell()
	}
	r.wrong, r.hash = t.wrong, t.trace.sum.Sum64()
	return r
}

// underway are the attempts that have not come to anything, but those whose payment waits for a person.
func (t *town) underway() (all []store.Attempt) {
	err := t.db.View(t.ctx, func(r store.Reader) (err error) {
		all, err = r.Attempts(t.ctx, store.AttemptFilter{States: []string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined}})
		if err != nil {
			return err
		}
		rows, err := r.Withdrawals(t.ctx, store.WithdrawalFilter{States: []string{store.WithdrawalNeedsReview}})
		all = slices.DeleteFunc(all, func(a store.Attempt) bool {
			return slices.ContainsFunc(rows, func(w store.Withdrawal) bool { return w.Payment == a.Payment })
		})
		return err
	})
	if err != nil {
		t.violate("the attempts cannot be read: %v", err)
	}
	return all
}

// caused are the payments that must stand in needs_review, with why.
func (t *town) caused(counter *recount.Counter) map[string]string {
	caused := map[string]string{}
	for slot, intents := range t.book.at {
		spent, there := counter.Spent(slot)
		if _, foreign := t.causes.foreign[spent.Hash]; there && foreign {
			for _, i := range intents {
				if i.Payment != "" {
					caused[i.Payment] = "nonce " + strconv.FormatUint(slot.Nonce, 10) + " was spent by somebody else"
				}
			}
		}
	}
	for _, r := range t.office.requests {
		if t.causes.silent[r.to] && counter.Received(r.to) == 0 && t.succeeded(counter, r.ID) {
			caused[r.ID] = "its token moved nothing"
		}
	}
	return caused
}

// succeeded says whether a transaction that was signed for a payment is on the final branch, and did not fail.
func (t *town) succeeded(counter *recount.Counter, payment string) bool {
	for slot, intents := range t.book.at {
		for _, i := range intents {
			if i.Payment != payment || i.Purpose != signing.PurposePayment {
				continue
			}
			if spent, there := counter.Spent(slot); there && spent.Success && t.book.hashes[i.Digest()] == spent.Hash {
				return true
			}
		}
	}
	return false
}

func (t *town) judgeEnd(req *request, w withdrawal.Withdrawal, caused map[string]string, r *result) {
	why := caused[req.ID]
	decided := req.reviewed || req.cancelled && w.Outcome == store.OutcomeCancelled
	if why != "" && (w.State == store.WithdrawalNeedsReview || !decided) {
		r.caused++ // else somebody decided what becomes of it
	}
	switch {
	case w.State == store.WithdrawalNeedsReview:
		r.reviews++
		if why == "" {
			t.violate("%s stands in needs_review without a cause: %s", req.ID, w.Reason)
		}
	case why != "" && !decided:
		t.violate("%s does not stand in needs_review, though %s: %s %s", req.ID, why, w.State, w.Outcome)
	case w.State != store.WithdrawalEnded:
		t.violate("a day after the last fault %s is %s: %s", req.ID, w.State, w.Reason)
	case w.Outcome == store.OutcomeCancelled && !req.cancelled:
		t.violate("%s is cancelled, and nobody asked for it: %s", req.ID, w.Reason)
	case w.Outcome == store.OutcomeFailed || w.Outcome == store.OutcomeRefused:
		if req.Asset == "" || t.hits[tokenPaused]+t.hits[tokenBars] == 0 {
			t.violate("%s is %s without a cause: %s", req.ID, w.Outcome, w.Reason)
		}
	}
}

// judgeSignings: for a payment, all that was ever signed stands at one nonce and pays the same; at a nonce, all is for one payment.
func (t *town) judgeSignings() {
	places := map[string]map[recount.Slot]bool{}
	paid := map[string]string{}
	for slot, intents := range t.book.at {
		owner := ""
		for _, i := range intents {
			if i.Payment == "" {
				continue
			}
			if owner != "" && owner != i.Payment {
				t.violate("nonce %d of %s was signed for %s and for %s", slot.Nonce, short(slot.Wallet), owner, i.Payment)
			}
			owner = i.Payment
			if places[i.Payment] == nil {
				places[i.Payment] = map[recount.Slot]bool{}
			}
			places[i.Payment][slot] = true
			if i.Purpose != signing.PurposePayment {
				continue
			}
			what := i.EVM.To + " " + i.EVM.Amount + " " + i.EVM.Contract
			if was, there := paid[i.Payment]; there && was != what {
				t.violate("%s was signed to pay %s, and to pay %s", i.Payment, was, what)
			}
			paid[i.Payment] = what
		}
	}
	for payment, at := range places {
		if len(at) > 1+t.released[payment] {
			t.violate("%s was signed at %d nonces, and released %d times", payment, len(at), t.released[payment])
		}
	}
}

// judgeLimit: the machine never signed more payments within an hour than its policy allows. Its clock does not go back, so theirs are in order.
func (t *town) judgeLimit() {
	limit := t.plan.hourly()
	for i := limit; i < len(t.book.counted); i++ {
		if first, last := t.book.counted[i-limit], t.book.counted[i]; last.Sub(first) < time.Hour {
			t.violate("%d payments were signed from %s to %s, and %d are allowed in an hour", limit+1, first, last, limit)
		}
	}
}
