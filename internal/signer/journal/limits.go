package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/policy"
)

// The steps in which rolling sums are kept. What was counted in a step counts until the whole step is out of the window: up to a step
// longer than it need, and never shorter.
const (
	hourStep, hourSteps = 60, 60 // seconds; steps in the window
	dayStep, daySteps   = 600, 144
)

// limits are the counters that one change looks at. Each is read once and written once.
type limits struct {
	bucket *bolt.Bucket
	now    int64 // the journal's time, in seconds
	read   map[string]*rolling
}

// rolling is what a counter holds.
type rolling struct {
	hour, day series
	changed   bool
}

func newLimits(tx *bolt.Tx, at time.Time) *limits {
	return &limits{bucket: tx.Bucket(sums), now: at.Unix(), read: map[string]*rolling{}}
}

// counter finds a counter. What is out of its windows is forgotten.
func (l *limits) counter(name string) (*rolling, error) {
	if r := l.read[name]; r != nil {
		return r, nil
	}
	r := &rolling{hour: series{step: hourStep}, day: series{step: dayStep}}
	if err := r.decode(l.bucket.Get([]byte(name))); err != nil {
		return nil, fmt.Errorf("read the journal: the counter %q: %w", name, err)
	}
	r.hour.forget(l.now, hourSteps)
	r.day.forget(l.now, daySteps)
	l.read[name] = r
	return r, nil
}

// add counts in a counter.
func (l *limits) add(name string, s policy.Sum) error {
	r, err := l.counter(name)
	if err != nil {
		return err
	}
	r.hour.add(l.now, s)
	r.day.add(l.now, s)
	r.changed = true
	return nil
}

// write keeps what was counted.
func (l *limits) write() error {
	for name, r := range l.read {
		if !r.changed {
			continue
		}
		if err := l.bucket.Put([]byte(name), r.encode()); err != nil {
			return err
		}
		r.changed = false
	}
	return nil
}

// usage is what is counted now. It is not a copy: it changes with what is added.
func (r *rolling) usage() policy.Usage {
	return policy.Usage{Hour: r.hour.total.sum(), Day: r.day.total.sum()}
}

// series is one rolling sum: what was counted in each step that is not out of the window, in order of time.
type series struct {
	step  int64 // seconds
	parts []part
	total tally
}

// part is what was counted in the step that begins at n times its length.
type part struct {
	n int64
	tally
}

// tally is a sum of amounts, fees and payments.
type tally struct {
	amount, fee big.Int
	count       uint64
}

func (t *tally) add(s policy.Sum) {
	for _, c := range []struct {
		to   *big.Int
		more *big.Int
	}{{&t.amount, s.Amount}, {&t.fee, s.Fee}} {
		if c.more != nil && c.more.Sign() > 0 { // nothing ever lowers a sum
			c.to.Add(c.to, c.more)
		}
	}
	if s.Count > 0 {
		t.count += uint64(s.Count)
	}
}

func (t *tally) sum() policy.Sum {
	return policy.Sum{Cost: policy.Cost{Amount: &t.amount, Fee: &t.fee}, Count: int(t.count)}
}

// forget drops the steps that are wholly out of a window of so many steps before now, and sums up the others.
func (s *series) forget(now, steps int64) {
	first := now/s.step - steps // it ends in the window, or right at its beginning
	kept := s.parts[:0]
	s.total = tally{}
	for _, p := range s.parts {
		if p.n < first {
			continue
		}
		kept = append(kept, p)
		s.total.add(p.sum())
	}
	s.parts = kept
}

func (s *series) add(now int64, more policy.Sum) {
	n := now / s.step
	if last := len(s.parts) - 1; last < 0 || s.parts[last].n < n {
		s.parts = append(s.parts, part{n: n})
	}
	s.parts[len(s.parts)-1].add(more)
	s.total.add(more)
}

// limitsVersion begins each value of a counter.
const limitsVersion = 1

// encode writes: the version; then for hour and day how many steps, and for each its number, count, amount and fee. Numbers are
// varints, amounts and fees big-endian bytes after their length.
func (r *rolling) encode() []byte {
	b := []byte{limitsVersion}
	for _, s := range []*series{&r.hour, &r.day} {
		b = binary.AppendUvarint(b, uint64(len(s.parts)))
		for i := range s.parts {
			p := &s.parts[i]
			b = binary.AppendUvarint(b, uint64(p.n))
			b = binary.AppendUvarint(b, p.count)
			for _, n := range []*big.Int{&p.amount, &p.fee} {
				raw := n.Bytes()
				b = append(binary.AppendUvarint(b, uint64(len(raw))), raw...)
			}
		}
	}
	return b
}

var errCounter = errors.New("it cannot be read")

// decode reads a counter that was never written as empty. One that cannot be read is an error: a limit is never counted from nothing.
func (r *rolling) decode(b []byte) error {
	if b == nil {
		return nil
	}
	if len(b) == 0 || b[0] != limitsVersion {
		return errCounter
	}
	d := decoder{b[1:]}
	for _, s := range []*series{&r.hour, &r.day} {
		for range d.number() {
			p := part{n: int64(d.number())}
			p.count = d.number()
			p.amount.SetBytes(d.bytes())
			p.fee.SetBytes(d.bytes())
			if d.rest == nil || len(s.parts) > 0 && s.parts[len(s.parts)-1].n >= p.n {
				return errCounter
			}
			s.parts = append(s.parts, p)
		}
	}
	if len(d.rest) != 0 || d.rest == nil {
		return errCounter
	}
	return nil
}

// decoder reads numbers and bytes; rest is nil once it could not.
type decoder struct{ rest []byte }

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.rest = nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.rest = nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
