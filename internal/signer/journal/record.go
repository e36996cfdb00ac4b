package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// Proposal is one intent on its way to an answer.
type Proposal struct {
	Intent    signing.Intent
	Digest    signing.Digest
	Malformed *signing.Refusal // as in Facts
	Inputs    []string         // what it uses up beside its number: outpoints on Bitcoin, its message on Solana

	// What Look finds. Keys never move: what it says of them stays true.
	Held      bool
	KeyLedger string
	Elsewhere bool
	Path      string // derivation path of the key, if it is held
	Wanted    bool   // a signature is wanted, as far as can be told before the journal's lock is held

	// The signature, if it is wanted.
	Raw  []byte
	Hash string
}

// Look finds the key of each proposal, and whether it is worth signing. It promises nothing: Record decides.
func (j *Journal) Look(ps []Proposal) error {
	err := j.db.View(func(tx *bolt.Tx) error {
		for i := range ps {
			p := &ps[i]
			k, ok, err := findKey(tx, p.Intent.ChainType, p.Intent.From)
			if err != nil {
				return err
			}
			p.Held, p.KeyLedger, p.Path = ok, k.Ledger, k.Path
			network, err := derive.Counter(p.Intent.ChainType, p.Intent.ChainID)
			p.Elsewhere = err != nil || network != k.Network
			f, err := facts(tx, *p)
			if err != nil {
				return err
			}
			p.Wanted = Decide(p.Intent, f).Verdict == Sign
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	return nil
}

// Record decides each proposal in order, each seeing what became of those before it, and journals the answers. It gives them
// out only when they are on the disk. With an error nothing is known about any of them.
func (j *Journal) Record(ctx context.Context, ps []Proposal) ([]signing.Answer, error) {
	if j.rules == nil {
		return nil, noPolicy()
	}
	answers := make([]signing.Answer, len(ps))
	err := j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		if err := thawed(tx); err != nil {
			return false, err
		}
		at := j.now().UTC().Truncate(time.Second)
		for i, p := range ps {
			a, w, err := record(tx, p, at)
			wrote = wrote || w
			if err != nil {
				return wrote, err
			}
			answers[i] = a
		}
		return wrote, nil
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

func noPolicy() error {
	return fault.New(fault.Unreachable, "no_policy", "coffer-signer policy show", "no policy is in force: nothing is signed")
}

// record brings one proposal to its answer. wrote is true as soon as anything was written.
func record(tx *bolt.Tx, p Proposal, at time.Time) (a signing.Answer, wrote bool, err error) {
	f, err := facts(tx, p)
	if err != nil {
		return a, false, err
	}
	d := Decide(p.Intent, f)
	switch d.Verdict {
	case Again:
		a, err = answer(tx, p.Digest)
		return a, false, err
	case Refuse:
		a, err = newEntry(tx, p, entry{At: at, Refusal: d.Refusal})
		return a, true, errors.Join(err, bump(tx.Bucket(meta), metaRefused, 1))
	}
	if p.Raw == nil {
		return a, false, errors.New("an intent is to be signed that was not when its batch began")
	}
	a, err = newEntry(tx, p, entry{At: at, Raw: p.Raw, Hash: p.Hash})
	return a, true, errors.Join(err, bind(tx, p), bump(tx.Bucket(meta), metaSigned, 1))
}

// newEntry journals the answer to a proposal under the next number of its ledger.
func newEntry(tx *bolt.Tx, p Proposal, e entry) (a signing.Answer, err error) {
	e.Intent = p.Intent.Canonical()
	if e.Seq, err = number(tx, p.Intent.Ledger, p.Digest); err != nil {
		return a, err
	}
	return e.answer(p.Digest), e.put(tx, p.Digest)
}

// bind takes slots and payment id for a signed intent. A slot that was taken keeps all its digests, in the order of signing.
func bind(tx *bolt.Tx, p Proposal) error {
	place := PlaceOf(p.Intent, p.Inputs)
	for _, s := range place.slots() {
		before := tx.Bucket(slots).Get(s.key)
		if err := tx.Bucket(slots).Put(s.key, slices.Concat(before, p.Digest[:])); err != nil {
			return err
		}
	}
	if p.Intent.Payment == "" {
		return nil
	}
	return putJSON(tx.Bucket(payments), key(p.Intent.Ledger, p.Intent.Payment), place)
}

// facts reads what the decision looks at.
func facts(tx *bolt.Tx, p Proposal) (Facts, error) {
	f := Facts{
		Malformed: p.Malformed, Held: p.Held, KeyLedger: p.KeyLedger, Elsewhere: p.Elsewhere, Place: PlaceOf(p.Intent, p.Inputs),
		Answered: tx.Bucket(entries).Get(p.Digest[:]) != nil, Mark: mark(tx, p.Intent),
	}
	for _, s := range f.Place.slots() {
		var err error
		if f.Taken, err = taken(tx, p.Intent.ChainType, s); f.Taken != nil || err != nil {
			if err != nil {
				return f, err
			}
			break
		}
	}
	if p.Intent.Payment == "" {
		return f, nil
	}
	at, ok, err := boundTo(tx, p.Intent.Ledger, p.Intent.Payment)
	if err != nil {
		return f, err
	}
	switch {
	case !ok:
		f.Closed, err = isClosed(tx, p)
	case !released(tx, at.number()):
		f.PaidAt = &at
	}
	return f, err
}
