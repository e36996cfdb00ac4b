package journal

import (
	"math/big"
	"slices"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// paid is where a payment id is bound to, and with what: fee replacements need no authorization within that. Journals of before there
// were authorizations have no Bound.
type paid struct {
	Place
	Bound *policy.Bound `json:"bound,omitempty"`
}

// paidAt is where a payment id is bound to, released or not.
func paidAt(tx *bolt.Tx, ledger, payment string) (p paid, ok bool, err error) {
	return paidBy(tx, key(ledger, payment))
}

// paidBy is paidAt by the key of the payment id.
func paidBy(tx *bolt.Tx, name []byte) (p paid, ok bool, err error) {
	ok, err = getJSON(tx.Bucket(payments), name, &p)
	return p, ok, err
}

// boundTo is the place that a payment id is bound to, released or not.
func boundTo(tx *bolt.Tx, ledger, payment string) (at Place, ok bool, err error) {
	p, ok, err := paidAt(tx, ledger, payment)
	return p.Place, ok, err
}

// cost is policy.Cost as it is journaled: base units, decimal.
type cost struct {
	Amount string `json:"amount"`
	Fee    string `json:"fee"`
}

func costOf(i signing.Intent) policy.Cost {
	_, _, amount := i.Pays()
	n, ok := new(big.Int).SetString(amount, 10)
	if !ok {
		n = new(big.Int)
	}
	return policy.Cost{Amount: n, Fee: i.MostFee()}
}

// read is a cost that was journaled; ok is false if none was.
func (c *cost) read() (n policy.Cost, ok bool) {
	if c == nil {
		return n, false
	}
	amount, okAmount := new(big.Int).SetString(c.Amount, 10)
	fee, okFee := new(big.Int).SetString(c.Fee, 10)
	return policy.Cost{Amount: amount, Fee: fee}, okAmount && okFee
}

// most is the higher of two costs, each part by itself.
func most(a, b policy.Cost) *cost {
	return &cost{higherOf(a.Amount, b.Amount).String(), higherOf(a.Fee, b.Fee).String()}
}

func higherOf(a, b *big.Int) *big.Int {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// before is the most that is signed at the place already, or on Solana at that of the attempt before; nil: nothing is.
func (f *Facts) before(tx *bolt.Tx) (*policy.Cost, error) {
	switch {
	case f.Taken != nil:
		return mostAt(tx, f.Taken.Slot)
	case f.Former != nil:
		return mostAt(tx, f.PaidAt.number())
	}
	return f.counted, nil
}

// mostAt is the most that is signed for a slot.
func mostAt(tx *bolt.Tx, s Slot) (*policy.Cost, error) {
	all, err := signedFor(tx, s)
	if err != nil {
		return nil, err
	}
	so := policy.Cost{Amount: new(big.Int), Fee: new(big.Int)}
	for _, f := range slices.Backward(all) {
		e, _, err := f.entry(tx)
		if err != nil {
			return nil, err
		}
		c, err := e.cost()
		if err != nil {
			return nil, err
		}
		so = policy.Cost{Amount: higherOf(so.Amount, c.Amount), Fee: higherOf(so.Fee, c.Fee)}
		if e.Most != nil { // it knows those before it
			break
		}
	}
	return &so, nil
}

// cost is what is journaled as the most up to an entry, or what its own intent can take.
func (e entry) cost() (policy.Cost, error) {
	if most, ok := e.Most.read(); ok {
		return most, nil
	}
	i, err := signing.Parse(e.Intent)
	return costOf(i), err
}
