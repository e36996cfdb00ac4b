package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/chain"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// payment is a withdrawal with all that the ledger has of it.
type payment struct {
	row      store.Withdrawal
	request  *store.Request  // nil: there is none
	attempts []store.Attempt // by id
}

// verdict is what a comparison came to.
type verdict struct {
	differences []Difference
	unknown     []string // why something cannot be said
	lines       []Line
	// later: the chain is further than the ledger. A daemon may be about to write it down, so it is looked at again before it is a
	// difference.
	later bool
}

func (v *verdict) differs(d Difference) { v.differences = append(v.differences, d) }

// compared is a payment after its rows were compared with each other.
type compared struct {
	payment
	verdict
	look []looked // the attempts that the chain is to be asked about
}

// Verify says whether signed bytes are what an intent describes, and gives the transaction's hash.
type Verify func(signing.Intent, []byte) (hash string, err error)

// compare compares a payment's rows with each other. What contradicts itself is not asked of the chain: whatever that said, it would be
// about another transaction.
func (p payment) compare(verify Verify) compared {
	c := compared{payment: p}
	asked := c.asked()
	final := map[spot]bool{}
	for _, a := range p.attempts {
		if a.State == store.AttemptFinal {
			final[spotOf(a)] = true
		}
	}
	for _, a := range p.attempts {
		l, d := compareAttempt(a, verify)
		if d == nil && asked && pays(a) {
			d = c.paysAsAsked(l)
		}
		switch {
		case d != nil:
			c.differs(*d)
		case len(a.Raw) == 0:
		case a.State == store.AttemptFinal || !final[spotOf(a)]: // of all attempts at a nonce only one can be in a block
			c.look = append(c.look, l)
		}
	}
	return c
}

// spot is a nonce of a wallet.
type spot struct {
	walletID int64
	nonce    uint64
}

func spotOf(a store.Attempt) spot { return spot{a.WalletID, a.Nonce} }

// pays says whether an attempt moves what the payment asks for, and not nothing.
func pays(a store.Attempt) bool {
	return a.Purpose == string(signing.PurposePayment) || a.Purpose == string(signing.PurposeSweep)
}

// asked compares the row with what was asked for, and says whether it may be believed.
func (c *compared) asked() bool {
	switch {
	case c.request == nil:
		c.differs(about(RequestDiffers, c.row, store.Attempt{}, "the request of payment "+c.row.Payment, "no request "+c.row.Request))
	case c.request.Kind == store.KindWithdrawal && !withdrawal.AskedFor(c.request.Content, c.row):
		c.differs(about(RequestDiffers, c.row, store.Attempt{}, c.request.Content, rowText(c.row)))
	default:
		return true
	}
	return false
}

func rowText(w store.Withdrawal) string {
	return fmt.Sprintf("a withdrawal of %s base units of %s on %s:%d to %s", w.Amount, assetText(w.Contract), w.ChainType, w.ChainID, w.To)
}

func assetText(contract string) string { return orNone(contract, "the coin") }

func (c *compared) paysAsAsked(l looked) *Difference {
	to, contract, amount := l.tx.Intent.Pays()
	if to == c.row.To && contract == c.row.Contract && amount == c.row.Amount {
		return nil
	}
	d := about(IntentDiffers, c.row, l.Attempt, rowText(c.row), fmt.Sprintf("an intent of %s base units of %s to %s", amount, assetText(contract), to))
	return &d
}

// judge compares a payment with what the chain shows of its attempts, by attempt id. again: it is looked at for the second time, and a
// daemon had time to write down what the chain shows.
func (c compared) judge(seen map[int64]chain.Sighting, again bool) verdict {
	v := c.verdict
	j := judgement{compared: &c, v: &v, seen: seen}
	if c.row.State == store.WithdrawalEnded {
		j.ended()
	} else {
		j.open()
	}
	if !v.later {
		return v
	}
	if !again {
		return verdict{later: true}
	}
	v.differs(about(NotEnded, c.row, j.ahead, "a payment that ended: its transaction is final on the chain", c.row.State))
	return v
}

// judgement is a judge at work.
type judgement struct {
	*compared
	v     *verdict
	seen  map[int64]chain.Sighting
	ahead store.Attempt // what the chain has final and the ledger has not
}

// ended judges a payment that ended.
func (j *judgement) ended() {
	var finals []store.Attempt
	for _, a := range j.attempts {
		if a.State == store.AttemptFinal {
			finals = append(finals, a)
		}
	}
	onChain := j.row.Outcome == store.OutcomePaid || j.row.Outcome == store.OutcomeFailed
	cancelled := j.row.Outcome == store.OutcomeCancelled && len(finals) == 1 && !pays(finals[0])
	switch {
	case len(finals) > 1:
		j.v.differs(about(PaidTwice, j.row, finals[1], "one final attempt", fmt.Sprintf("%d: %s", len(finals), hashes(finals))))
	case onChain && (len(finals) == 0 || !pays(finals[0])):
		j.v.differs(about(AttemptMissing, j.row, store.Attempt{}, "one final attempt of a payment that is "+j.row.Outcome, j.what()))
		return
	case len(finals) == 1 && !onChain && !cancelled:
		j.v.differs(about(OutcomeDiffers, j.row, finals[0], "no final transaction of a payment that is "+j.row.Outcome, "attempt "+number(finals[0].ID)+" is final"))
	}
	for _, l := range j.look {
		s, asked := j.seen[l.ID]
		switch {
		case !asked:
		case l.State == store.AttemptFinal:
			j.final(l, s)
		default:
			j.lost(l, s)
		}
	}
	for _, a := range j.attempts {
		if live(a) {
			j.v.differs(about(AttemptOpen, j.row, a, "no attempt under way: the payment ended as "+j.row.Outcome, "attempt "+number(a.ID)+" is "+a.State))
		}
	}
}

// what is said of the attempts of a payment that lacks a final one: their states, and which of them is in a block.
func (j *judgement) what() string {
	if len(j.attempts) == 0 {
		return "no attempt at all"
	}
	var all []string
	for _, a := range j.attempts {
		text := fmt.Sprintf("attempt %d (%s) is %s", a.ID, a.Purpose, a.State)
		if s, asked := j.seen[a.ID]; asked && inBlock(s) {
			text += fmt.Sprintf(", and in block %d", s.BlockNumber)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func hashes(as []store.Attempt) string {
	all := make([]string, len(as))
	for i, a := range as {
		all[i] = a.Hash
	}
	return strings.Join(all, ", ")
}

// final judges the attempt that the payment, or a fill, ended with.
func (j *judgement) final(l looked, s chain.Sighting) {
	text, known := l.outcome(j.row.Outcome, s)
	found := compareSighting(l, s, j.row)
	if known && text != "" {
		found.differs(about(OutcomeDiffers, j.row, l.Attempt, "a transaction of a payment that is "+j.row.Outcome, text))
	}
	j.v.differences = append(j.v.differences, found.differences...)
	j.v.unknown = append(j.v.unknown, found.unknown...)
	j.v.lines = append(j.v.lines, l.line(s, j.row.Outcome, found))
}

// lost judges an attempt that the ledger says came to nothing, or that is under way.
func (j *judgement) lost(l looked, s chain.Sighting) {
	ended := j.row.State == store.WithdrawalEnded
	switch {
	case s.Stage == chain.StageUnknown || s.Stage == chain.StageAbsent && !s.All:
		j.v.unknown = append(j.v.unknown, s.Note)
	case !inBlock(s):
	case l.released() && !s.Paid:
		found := compareSighting(l, s, j.row)
		j.v.differences = append(j.v.differences, found.differences...)
		j.v.lines = append(j.v.lines, l.line(s, "", found))
	case live(l.Attempt) && ended: // said by its own code
	case live(l.Attempt):
		if s.Stage == chain.StageFinal {
			j.v.later, j.ahead = true, l.Attempt
		}
	default:
		j.v.differs(about(OnChainUnexpected, j.row, l.Attempt, "in no block: attempt "+number(l.ID)+" is "+l.State,
			fmt.Sprintf("in block %d, status %d", s.BlockNumber, status(s.Success))))
	}
}

// open judges a payment that has not ended.
func (j *judgement) open() {
	for _, l := range j.look {
		s, asked := j.seen[l.ID]
		switch {
		case !asked:
		case l.State != store.AttemptFinal:
			j.lost(l, s)
		case s.Paid || j.row.State != store.WithdrawalNeedsReview: // one that paid nobody waits for a person
			j.v.later, j.ahead = true, l.Attempt
		default:
			j.final(l, s)
		}
	}
}

func live(a store.Attempt) bool {
	return slices.Contains([]string{store.AttemptAsked, store.AttemptSigned, store.AttemptSent, store.AttemptMined}, a.State)
}
