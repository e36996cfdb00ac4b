package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// Proposal is one intent on its way to an answer.
type Proposal struct {
	Intent    signing.Intent
	Digest    signing.Digest
	Malformed *signing.Refusal // as in Facts
	Inputs    []string         // what it uses up beside its number: outpoints on Bitcoin, its message on Solana
	Tokens    []string         // the authorizations that came with it

	// What Look finds. Keys never move: what it says of them stays true.
	Held      bool
	KeyLedger string
	Elsewhere bool
	Path      string // derivation path of the key, if it is held
	Account   string // of that key
	Answered  bool   // this digest has its answer
	Wanted    bool   // a signature is wanted, as far as can be told before the journal's lock is held

	// The tokens, when they were read and their signatures verified (Read).
	Read           bool
	Authorizations []signing.SignedAuthorization
	Unreadable     string // why one is none; empty: all are

	// The signature, if it is wanted.
	Raw  []byte
	Hash string

	bound  *policy.Bound // what Look found of what Permits asks
	before *policy.Cost
	work   *prepared
}

// CanBeSigned says whether a signature may come to be wanted at all: by the keys and by the intent itself.
func (p *Proposal) CanBeSigned() bool { return p.Held && !p.Elsewhere && p.Malformed == nil }

// Look finds the key of each proposal, and whether it is worth signing. It promises nothing: Record decides.
func (j *Journal) Look(ps []Proposal) error {
	at, _ := j.clock.read()
	err := j.db.View(func(tx *bolt.Tx) error {
		held := map[[2]string]Key{} // one key signs most of a batch
		for i := range ps {
			if err := look(tx, &ps[i], at, held); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	return nil
}

func look(tx *bolt.Tx, p *Proposal, at time.Time, held map[[2]string]Key) (err error) {
	name := [2]string{p.Intent.ChainType, p.Intent.From}
	k, ok := held[name]
	if !ok {
		if k, ok, err = findKey(tx, p.Intent.ChainType, p.Intent.From); err != nil {
			return err
		}
	}
	if ok {
		held[name] = k
	}
	p.Held, p.KeyLedger, p.Path, p.Account = ok, k.Ledger, k.Path, k.Account
	network, err := derive.Counter(p.Intent.ChainType, p.Intent.ChainID)
	p.Elsewhere = err != nil || network != k.Network
	f, err := facts(tx, p, at)
	if err != nil {
		return err
	}
	p.Answered = f.Answered
	if p.Wanted = Decide(p.Intent, f).Verdict == Sign; !p.Wanted {
		return nil
	}
	p.bound = f.bound
	p.before, err = f.before(tx)
	return err
}

// Permits says whether the policy would have a wanted proposal signed whose tokens were read, if no limit were in the way. It promises
// nothing, and keeps signatures from being made in vain.
func (j *Journal) Permits(p *Proposal) bool {
	if j.rules == nil {
		return false
	}
	_, latest := j.clock.read()
	return p.policyCase(j.rules).Judge(policy.State{Now: latest, Bound: p.bound, Before: p.before}).Refusal == nil
}

// Record decides each proposal in order, each seeing what became of those before it, and journals the answers. It gives them
// out only when they are on the disk. With an error nothing is known about any of them.
//
// It may end early: if there are fewer answers than proposals, the next one is to be signed, and its signature is missing or its tokens
// were not read, because that could not be told before. The caller makes good for it and records the rest.
func (j *Journal) Record(ctx context.Context, ps []Proposal) (answers []signing.Answer, err error) {
	if j.rules == nil {
		return nil, noPolicy()
	}
	err = j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		if err := thawed(tx); err != nil {
			return false, err
		}
		r := j.newRecording(tx)
		answers, err = r.all(ps)
		return r.wrote, err
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

func noPolicy() error {
	return fault.New(fault.Unreachable, "no_policy", "coffer-signer policy show", "no policy is in force: nothing is signed")
}

// recording is one call of Record in its transaction.
type recording struct {
	tx     *bolt.Tx
	rules  *policy.Policy
	at     time.Time // the journal's time
	latest time.Time // by which authorizations are judged
	limits *limits
	next   map[string]uint64 // the next number of each ledger
	gave   map[string]uint64 // how many answers each ledger was given
	wrote  bool              // anything at all

	signed, refused uint64
}

func (j *Journal) newRecording(tx *bolt.Tx) *recording {
	at, latest := j.clock.read()
	at = at.Truncate(time.Second)
	return &recording{tx: tx, rules: j.rules, at: at, latest: latest, limits: newLimits(tx, at), next: map[string]uint64{}, gave: map[string]uint64{}}
}

// all brings proposals to their answers, up to the first whose signature is missing.
func (r *recording) all(ps []Proposal) ([]signing.Answer, error) {
	answers := make([]signing.Answer, 0, len(ps))
	for i := range ps {
		a, ok, err := r.one(&ps[i])
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		answers = append(answers, a)
	}
	return answers, r.end()
}

// one brings a proposal to its answer; ok is false if that takes a signature, or tokens, that are not there.
func (r *recording) one(p *Proposal) (a signing.Answer, ok bool, err error) {
	f, err := facts(r.tx, p, r.at)
	if err != nil {
		return a, false, err
	}
	d := Decide(p.Intent, f)
	switch d.Verdict {
	case Again:
		a, err = f.answer.answer(r.tx)
		return a, true, err
	case Refuse:
		a, err = r.refuse(p, d.Refusal)
		return a, true, err
	}
	if len(p.Tokens) > 0 && !p.Read {
		return a, false, nil
	}
	before, err := f.before(r.tx)
	if err != nil {
		return a, false, err
	}
	v, err := r.judge(p, f.bound, before)
	switch {
	case err != nil:
		return a, false, err
	case v.Refusal != nil:
		a, err = r.refuse(p, v.Refusal)
		return a, true, err
	case p.Raw == nil:
		return a, false, nil
	}
	a, err = r.sign(p, f, before, v)
	return a, true, err
}

// judge asks the policy. The counters are read as far as it wants to know.
func (r *recording) judge(p *Proposal, bound *policy.Bound, before *policy.Cost) (v policy.Verdict, err error) {
	usage := func(counter string) policy.Usage {
		c, e := r.limits.counter(counter)
		if e != nil {
			err = errors.Join(err, e)
			return policy.Usage{}
		}
		return c.usage()
	}
	v = p.policyCase(r.rules).Judge(policy.State{Now: r.latest, Bound: bound, Before: before, Usage: usage})
	return v, err
}

// refuse journals a refusal. It binds nothing and counts nothing.
func (r *recording) refuse(p *Proposal, why *signing.Refusal) (signing.Answer, error) {
	r.refused++
	a, _, err := r.enter(p, entry{Refusal: why})
	return a, err
}

// sign journals a signature, binds what it uses up, and counts it.
func (r *recording) sign(p *Proposal, f Facts, before *policy.Cost, v policy.Verdict) (a signing.Answer, err error) {
	r.signed++
	e := entry{Raw: p.Raw, Hash: p.Hash}
	if before != nil {
		e.Most = most(*before, costOf(p.Intent))
	}
	a, at, err := r.enter(p, e)
	if err != nil {
		return a, err
	}
	bound := f.bound
	if bound == nil {
		bound = &v.Bound
	}
	if err := bind(r.tx, p, at, f.Taken == nil, bound); err != nil {
		return a, err
	}
	for _, counter := range v.To {
		if err := r.limits.add(counter, v.Add); err != nil {
			return a, err
		}
	}
	return a, nil
}

// enter journals the answer to a proposal under the next number of its ledger.
func (r *recording) enter(p *Proposal, e entry) (a signing.Answer, at filed, err error) {
	r.wrote = true
	seq, ok := r.next[p.Intent.Ledger]
	if !ok {
		seq = highest(r.tx, p.Intent.Ledger) + 1
	}
	r.next[p.Intent.Ledger] = seq + 1
	r.gave[p.Intent.Ledger]++
	e.Seq, e.At, e.Intent, e.end = seq, r.at, p.prepared().canonical, p.signature()
	named := p.Digest[:]
	if e.Refusal != nil {
		at, err = filed{digest: p.Digest}, e.put(r.tx, p.Digest)
	} else if at, err = e.file(r.tx, p.Digest); err == nil {
		named = at.append(nil)
	}
	b := r.tx.Bucket(receipts)
	b.FillPercent = 1 // the numbers of a ledger only rise
	return e.answer(p.Digest), at, errors.Join(err, b.Put(receiptKey(p.Intent.Ledger, seq), named))
}

// end writes what is written once for all of them.
func (r *recording) end() error {
	if !r.wrote {
		return nil
	}
	for ledger, n := range r.gave {
		if err := bump(r.tx.Bucket(given), key(ledger), n); err != nil {
			return err
		}
	}
	m := r.tx.Bucket(meta)
	return errors.Join(r.limits.write(), bump(m, metaSigned, r.signed), bump(m, metaRefused, r.refused), keepTime(r.tx, r.at))
}

// bind takes slots and payment id for a signed intent. A slot that was taken keeps all its digests, in the order of signing; free: none was.
func bind(tx *bolt.Tx, p *Proposal, f filed, free bool, b *policy.Bound) error {
	w := p.prepared()
	for _, s := range w.slots {
		if err := f.addTo(tx, s, free); err != nil {
			return err
		}
	}
	if p.Intent.Payment == "" {
		return nil
	}
	at := paid{w.place, b}
	if quick := at.encode(); quick != nil {
		return tx.Bucket(payments).Put(w.payment, quick)
	}
	return putJSON(tx.Bucket(payments), w.payment, at)
}

// facts reads what the decision looks at.
func facts(tx *bolt.Tx, p *Proposal, now time.Time) (Facts, error) {
	w := p.prepared()
	f := Facts{
		Malformed: p.Malformed, Held: p.Held, KeyLedger: p.KeyLedger, Elsewhere: p.Elsewhere, Place: w.place,
		Mark: count(tx.Bucket(marks), w.mark), Now: now,
	}
	number, inputs := w.slots[0], w.slots[1:]
	signed, err := signedFor(tx, number)
	if err != nil {
		return f, err
	}
	if f.answer, f.Answered = find(tx, p.Digest, signed); f.Answered {
		return f, nil
	}
	f.Taken, err = takenBy(tx, p.Intent.ChainType, number, signed)
	for i := 0; i < len(inputs) && f.Taken == nil && err == nil; i++ {
		f.Taken, err = taken(tx, p.Intent.ChainType, inputs[i])
	}
	if err != nil {
		return f, err
	}
	if f.Taken == nil && released(tx, number) { // closed with nothing journaled there
		f.Taken = &Taken{Slot: number, Released: true}
	}
	if p.Intent.Payment == "" {
		return f, nil
	}
	at, ok, err := paidBy(tx, w.payment)
	switch {
	case err != nil:
		return f, err
	case ok && !released(tx, at.number()):
		return f, f.bind(tx, at)
	case !ok:
		f.Closed, f.counted, err = isClosed(tx, p)
	}
	return f, err
}

// bind says where the payment is bound, and with what.
func (f *Facts) bind(tx *bolt.Tx, at paid) (err error) {
	f.PaidAt, f.bound = &at.Place, at.Bound
	if f.bound == nil {
		f.bound = &policy.Bound{} // from before there were authorizations
	}
	if follows(f.Place, at.Place) {
		f.Former, err = formerAt(tx, at.Place)
	}
	return err
}
