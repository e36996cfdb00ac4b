package journal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Loaded is an attempt that somebody else kept. Its bytes, if it has any, were verified: they are exactly what its intent says, signed
// by its From. So they are facts: if the journal does not know them, it is the journal that forgot.
type Loaded struct {
	Intent  signing.Intent
	Inputs  []string // as in Proposal
	Raw     []byte
	Hash    string
	Refusal *signing.Refusal // instead of Raw; with neither, it was asked for, and what was said is not known
	Seq     uint64           // the number of its receipt; 0: not known
	At      time.Time        // zero: not known

	Authorizations []signing.SignedAuthorization // those that its payment came with, their signatures verified
	Bound          *policy.Bound                 // what the machine itself kept with the payment, from its second copy; nil: not known
}

// Loading takes over what a ledger holds of its machine, in one transaction.
type Loading struct {
	tx     *bolt.Tx
	at     time.Time
	report wire.LoadReport
	own    bool             // the file is about this very machine, so the numbers of its receipts are this one's
	late   []signing.Digest // entries without a number so far
	asked  []Loaded         // without what was said to them; their bytes are not there
	recalling
}

// Load takes over what fill reads, whole or not at all. The act is journaled with it.
func (j *Journal) Load(ctx context.Context, act Act, fill func(*Loading) error) (r wire.LoadReport, err error) {
	err = j.write(ctx, func(tx *bolt.Tx) (bool, error) {
		if r, err = j.load(tx, act.At, fill); err != nil {
			return true, err
		}
		if act.More, err = json.Marshal(r); err != nil {
			return true, err
		}
		return true, putAct(tx, act)
	})
	return r, err
}

// TryLoad says what Load would do, and changes nothing.
func (j *Journal) TryLoad(fill func(*Loading) error) (wire.LoadReport, error) {
	tx, err := j.db.Begin(true)
	if err != nil {
		return wire.LoadReport{}, notWritten(err)
	}
	r, err := j.load(tx, time.Time{}, fill)
	return r, errors.Join(err, tx.Rollback())
}

func (j *Journal) load(tx *bolt.Tx, at time.Time, fill func(*Loading) error) (wire.LoadReport, error) {
	l := &Loading{tx: tx, at: at, recalling: j.newRecalling(tx)}
	if err := fill(l); err != nil {
		return wire.LoadReport{}, err
	}
	return l.report, l.end()
}

// Begin takes the header.
func (l *Loading) Begin(h signing.ExportHeader) error {
	if h.Ledger == "" || len(h.Ledger) > maxName {
		return conflict("its ledger id %q is none", h.Ledger)
	}
	l.report.Ledger, l.report.Device, l.report.MadeAt = h.Ledger, h.Device, h.MadeAt
	l.madeAt = h.MadeAt
	if h.Format == CopyFormat { // it was begun then, and its times are a machine's own
		l.madeAt = time.Time{}
	}
	l.own = h.Device == string(l.tx.Bucket(meta).Get(metaDevice))
	return nil
}

// conflict is the fault of a file that cannot be true beside what is journaled, or by itself.
func conflict(format string, args ...any) error {
	return fault.New(fault.Refused, "load_conflict", "nothing was loaded; find out which of the two is right (docs/runbook.md)", format, args...)
}

// Wallet takes a key whose address was derived again from its path.
func (l *Loading) Wallet(w signing.ExportWallet) error {
	network, err := derive.Counter(w.ChainType, w.ChainID)
	if err != nil {
		return err
	}
	account, index, err := derive.AccountOf(w.ChainType, w.ChainID, w.Path)
	if err != nil {
		return err
	}
	k := Key{ChainType: w.ChainType, Network: network, Ledger: l.report.Ledger, Ref: w.Ref, Path: w.Path, Address: w.Address}
	if account != derive.Hot {
		k.Account = string(account)
	}
	had, known, err := findKey(l.tx, k.ChainType, k.Address)
	if err != nil {
		return err
	}
	if known && (had.Ledger != k.Ledger || had.Path != k.Path || had.Network != k.Network) {
		return conflict("the key of %s is bound to ledger %q at %s here", k.Address, had.Ledger, had.Path)
	}
	if l.report.Keys.Count(!known); !known {
		if err := errors.Join(putJSON(l.tx.Bucket(keys), key(k.ChainType, k.Address), k), bump(l.tx.Bucket(meta), metaKeys, 1)); err != nil {
			return err
		}
	}
	if k.Ref != "" {
		if err := l.tx.Bucket(refs).Put(key(k.Ledger, k.ChainType, k.counter(), k.Ref), []byte(k.Path)); err != nil {
			return err
		}
	}
	raised, err := raiseMark(l.tx, w.ChainType, w.ChainID, w.Address, w.Mark)
	l.report.Marks.Count(raised)
	return errors.Join(err, raiseTo(l.tx.Bucket(counters), []byte(k.counter()), uint64(index)+1))
}

// raiseTo makes a number at least n.
func raiseTo(b *bolt.Bucket, key []byte, n uint64) error {
	if count(b, key) >= n {
		return nil
	}
	return b.Put(key, binary.BigEndian.AppendUint64(nil, n))
}

// Attempt takes an attempt. Those of one nonce come in the order in which they were asked.
func (l *Loading) Attempt(a Loaded) error {
	d := a.Intent.Digest()
	if a.Intent.Ledger != l.report.Ledger {
		return conflict("intent %s is of ledger %q", d, a.Intent.Ledger)
	}
	k, held, err := findKey(l.tx, a.Intent.ChainType, a.Intent.From)
	if err != nil {
		return err
	}
	network, err := derive.Counter(a.Intent.ChainType, a.Intent.ChainID)
	if err != nil || !held || k.Ledger != a.Intent.Ledger || network != k.Network {
		return conflict("intent %s: the key of %s is none of those in the file", d, a.Intent.From)
	}
	signed, err := signedFor(l.tx, PlaceOf(a.Intent, a.Inputs).number())
	if err != nil {
		return err
	}
	f, known := find(l.tx, d, signed)
	switch {
	case known:
		return l.known(f, a)
	case a.Raw == nil && a.Refusal == nil:
		l.asked = append(l.asked, a)
		return nil
	case a.Refusal != nil:
		l.report.Refused.Count(true)
		return errors.Join(l.put(d, a), bump(l.tx.Bucket(meta), metaRefused, 1))
	}
	l.report.Signed.Count(true)
	b, err := l.recall(a, k)
	if err != nil {
		return err
	}
	return errors.Join(l.bind(d, a, b), l.put(d, a), bump(l.tx.Bucket(meta), metaSigned, 1))
}

// known holds an attempt against what is journaled for its digest.
func (l *Loading) known(f filed, a Loaded) error {
	had, _, err := f.entry(l.tx)
	d := f.digest
	switch {
	case err != nil:
		return err
	case a.Raw != nil && had.Refusal != nil:
		return conflict("intent %s was refused here (%s), and the file has it signed: another machine has the same keys", d, had.Refusal.Code)
	case a.Refusal != nil && had.Refusal == nil:
		return conflict("intent %s is signed here, and refused in the file", d)
	case a.Raw != nil:
		l.report.Signed.Count(false)
	case a.Refusal != nil:
		l.report.Refused.Count(false)
	default:
		l.report.Asked.Count(false)
	}
	return nil
}

// put journals an answer, with the number of its receipt if that is free.
func (l *Loading) put(d signing.Digest, a Loaded) error {
	e := entry{At: a.At, Intent: a.Intent.Canonical(), Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal}
	if a.Intent.ChainType == derive.Solana {
		e.At = l.now // the next attempt waits from here on: a time that is a lie must not have both taken
	}
	if a.Seq == 0 {
		l.late = append(l.late, d)
		return e.put(l.tx, d)
	}
	if at, taken := filedAt(l.tx.Bucket(receipts).Get(receiptKey(a.Intent.Ledger, a.Seq))); taken {
		if l.own {
			return conflict("receipt %d is of intent %s here, and of %s in the file", a.Seq, at.digest, d)
		}
		l.late = append(l.late, d) // another machine's number
		return e.put(l.tx, d)
	}
	e.Seq = a.Seq
	return errors.Join(e.put(l.tx, d), putReceipt(l.tx, a.Intent.Ledger, a.Seq, d))
}

// bind takes slots and payment id for a signed intent, as far as nothing else has them.
func (l *Loading) bind(d signing.Digest, a Loaded, b *policy.Bound) error {
	place := PlaceOf(a.Intent, a.Inputs)
	for _, s := range place.slots() {
		t, err := taken(l.tx, a.Intent.ChainType, s)
		if err != nil {
			return err
		}
		if t != nil && !sameSlot(a.Intent, *t) {
			return conflict("%s is signed with intent %s here, and with %s in the file", s.name(), t.Digest, d)
		}
		if err := (filed{digest: d}).addTo(l.tx, s, false); err != nil {
			return err
		}
	}
	if a.Intent.Payment == "" {
		return nil
	}
	return l.bindPayment(a, place, b)
}

// sameSlot says whether an intent may stand at a slot beside what does.
func sameSlot(i signing.Intent, t Taken) bool {
	return sameMatter(i, t.First) && (i.Purpose != t.First.Purpose || sameTransfer(*i.EVM, *t.First.EVM))
}

// bindPayment binds a payment to where it was signed last. One that is signed at two nonces was released from the first: that release is
// what the journal forgot.
func (l *Loading) bindPayment(a Loaded, place Place, b *policy.Bound) error {
	name := key(a.Intent.Ledger, a.Intent.Payment)
	old, bound, err := boundTo(l.tx, a.Intent.Ledger, a.Intent.Payment)
	if err != nil {
		return err
	}
	to := paid{place, b}
	if !bound || old.equal(place) || old.number().name() == place.number().name() {
		return putJSON(l.tx.Bucket(payments), name, to)
	}
	if sameNumber(old, place) { // attempts on Solana
		if place.Attempt > old.Attempt {
			return putJSON(l.tx.Bucket(payments), name, to)
		}
		return nil
	}
	if place.ChainType != derive.EVM || old.ChainType != derive.EVM {
		return conflict("payment %q is signed at %s and at %s", a.Intent.Payment, old, place)
	}
	first, err := signedAt(l.tx, old)
	if err != nil {
		return err
	}
	if a.At.Before(first) {
		return l.release(a.Intent, place)
	}
	return errors.Join(l.release(a.Intent, old), putJSON(l.tx.Bucket(payments), name, to))
}

func sameNumber(a, b Place) bool {
	return a.ChainType == b.ChainType && a.ChainID == b.ChainID && a.Address == b.Address && a.Nonce == b.Nonce
}

// signedAt is when the first payload of a place was signed.
func signedAt(tx *bolt.Tx, p Place) (time.Time, error) {
	t, err := taken(tx, p.ChainType, p.number())
	if err != nil || t == nil {
		return time.Time{}, err
	}
	e, _, err := t.first.entry(tx)
	return e.At, err
}

// release closes a place that a payment must have been released from.
func (l *Loading) release(i signing.Intent, at Place) error {
	if released(l.tx, at.number()) {
		return nil
	}
	return errors.Join(putJSON(l.tx.Bucket(releases), at.number().key, Release{
		Ledger: i.Ledger, Payment: i.Payment, At: l.at, By: Itself, Reason: "loaded: it is signed at another nonce as well",
	}), bump(l.tx.Bucket(meta), metaReleased, 1))
}

// end gives the numbers that are missing, and closes the payments whose answer nobody knows.
func (l *Loading) end() error {
	for _, d := range l.late {
		var e entry
		if _, err := getJSON(l.tx.Bucket(entries), d[:], &e); err != nil {
			return err
		}
		var err error
		if e.Seq, err = number(l.tx, l.report.Ledger, d); err != nil {
			return err
		}
		if err := e.put(l.tx, d); err != nil {
			return err
		}
	}
	for _, a := range l.asked {
		isNew, err := closeExcept(l.tx, a, l.at)
		if err == nil && isNew {
			err = l.recallClosed(a)
		}
		if err != nil {
			return err
		}
		l.report.Asked.Count(isNew)
	}
	l.report.Receipts = highest(l.tx, l.report.Ledger)
	var err error
	l.report.Counted, err = l.keep(l.tx)
	return err
}
