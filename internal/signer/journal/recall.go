package journal

import (
	"cmp"
	"errors"
	"maps"
	"math/big"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// recalling counts what a load brings, so that no limit is looser after it than it was before the journal was lost, and binds payments
// to what they were authorized for. What was signed is verified, and so are the authorizations that came with it: only the time is the
// word of whoever kept it.
type recalling struct {
	rules   *policy.Policy
	now     time.Time // the journal's
	madeAt  time.Time // when the file was made, by the clock that its times are of; zero: they are a machine's own
	limits  *limits
	counted map[string]bool // the counters that something went into
	bound   map[string]bool // payments that this load bound: by key
}

func (j *Journal) newRecalling(tx *bolt.Tx) recalling {
	at, _ := j.clock.read()
	at = at.Truncate(time.Second)
	r := recalling{rules: j.rules, now: at, limits: newLimits(tx, at), counted: map[string]bool{}, bound: map[string]bool{}}
	if r.rules == nil {
		r.rules = new(policy.Policy)
	}
	return r
}

// recall counts a signed attempt that the journal does not know, and says what its payment is to be bound with. What the journal keeps
// with it from before the load stays; else it is what the policy makes of the authorizations that came along.
func (l *Loading) recall(a Loaded, k Key) (*policy.Bound, error) {
	name := key(a.Intent.Ledger, a.Intent.Payment)
	place := PlaceOf(a.Intent, a.Inputs)
	at, bound, err := paidAt(l.tx, a.Intent.Ledger, a.Intent.Payment)
	if err != nil {
		return nil, err
	}
	here := bound && a.Intent.Payment != "" && sameNumber(at.Place, place)
	before, err := l.beforeRecall(a.Intent, place, at.Place, here, bound)
	if err != nil {
		return nil, err
	}
	v := l.rules.Recall(policy.Question{
		Matter: policy.Matter{Intent: a.Intent, Account: k.Account, Authorizations: a.Authorizations},
		State:  policy.State{Now: l.now, Bound: a.Bound, Before: before},
	})
	if err := l.count(v, l.when(a.At)); err != nil {
		return nil, err
	}
	if here && at.Bound != nil && (!l.bound[string(name)] || a.Intent.Purpose == signing.PurposeCancel) {
		return at.Bound, nil
	}
	l.bound[string(name)] = true
	return &v.Bound, nil
}

// beforeRecall is the most that is counted already for the place of a loaded intent; nil: nothing is.
func (l *Loading) beforeRecall(i signing.Intent, place, paidAt Place, here, bound bool) (*policy.Cost, error) {
	t, err := taken(l.tx, i.ChainType, place.number())
	switch {
	case err != nil:
		return nil, err
	case t != nil:
		return mostAt(l.tx, t.Slot)
	case here: // the attempt before it on Solana
		return mostAt(l.tx, paidAt.number())
	case bound || i.Payment == "":
		return nil, nil
	}
	_, counted, err := isClosed(l.tx, &Proposal{Intent: i, Digest: i.Digest(), Inputs: place.Inputs})
	return counted, err
}

// recallClosed counts a payment whose answer nobody knows, as if it were signed. When it is, only what goes beyond that is counted.
func (l *Loading) recallClosed(a Loaded) error {
	name := key(a.Intent.Ledger, a.Intent.Payment)
	var c Closed
	if _, err := getJSON(l.tx.Bucket(closed), name, &c); err != nil {
		return err
	}
	k, _, err := findKey(l.tx, a.Intent.ChainType, a.Intent.From)
	if err != nil {
		return err
	}
	q := policy.Question{Matter: policy.Matter{Intent: a.Intent, Account: k.Account}, State: policy.State{Now: l.now}}
	had := policy.Cost{Amount: new(big.Int), Fee: new(big.Int)}
	if before, ok := c.Most.read(); ok {
		had, q.Before = before, &before
	}
	if err := l.count(l.rules.Recall(q), l.when(a.At)); err != nil {
		return err
	}
	c.Most = most(had, costOf(a.Intent))
	return putJSON(l.tx.Bucket(closed), name, c)
}

// when is the time of this journal at which something is counted that was signed at a time of the file. Whatever the two clocks say of
// each other, it is not older now than it was when the file was made; and what has no time counts as signed now.
func (r *recalling) when(at time.Time) time.Time {
	switch {
	case at.IsZero():
		return r.now
	case !r.madeAt.IsZero():
		return r.now.Add(-max(0, r.madeAt.Sub(at)))
	case at.After(r.now):
		return r.now
	}
	return at
}

func (r *recalling) count(v policy.Verdict, at time.Time) error {
	for _, name := range v.To {
		c, err := r.limits.counter(name)
		if err != nil {
			return err
		}
		hour := c.hour.addAt(at.Unix(), r.now.Unix(), hourSteps, v.Add)
		day := c.day.addAt(at.Unix(), r.now.Unix(), daySteps, v.Add)
		if hour || day {
			c.changed, r.counted[name] = true, true
		}
	}
	return nil
}

// addAt counts in the step of a time that is past; one that is out of the window counts no more.
func (s *series) addAt(at, now, steps int64, more policy.Sum) bool {
	n := at / s.step
	if n < now/s.step-steps {
		return false
	}
	i, there := slices.BinarySearchFunc(s.parts, n, func(p part, n int64) int { return cmp.Compare(p.n, n) })
	if !there {
		s.parts = slices.Insert(s.parts, i, part{n: n})
	}
	s.parts[i].add(more)
	s.total.add(more)
	return true
}

// keep writes the counters, and says what those hold that something went into.
func (r *recalling) keep(tx *bolt.Tx) (all []wire.CounterSum, err error) {
	all = []wire.CounterSum{}
	for _, name := range slices.Sorted(maps.Keys(r.counted)) {
		c, err := r.limits.counter(name)
		if err != nil {
			return nil, err
		}
		u := c.usage()
		all = append(all, wire.CounterSum{
			Counter: name, HourAmount: u.Hour.Amount.String(), HourFee: u.Hour.Fee.String(), HourCount: u.Hour.Count,
			DayAmount: u.Day.Amount.String(), DayFee: u.Day.Fee.String(), DayCount: u.Day.Count,
		})
	}
	if len(all) == 0 {
		return all, nil
	}
	return all, errors.Join(r.limits.write(), keepTime(tx, r.now))
}
