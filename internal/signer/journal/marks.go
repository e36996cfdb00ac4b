package journal

import (
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/signing"
)

// A mark is the lowest number of an account at which anything is signed first. It only rises.

func markKey(chainType string, chainID int64, address string) []byte {
	return key(chainType, strconv.FormatInt(chainID, 10), address)
}

func raiseMark(tx *bolt.Tx, chainType string, chainID int64, address string, to uint64) (raised bool, err error) {
	k := markKey(chainType, chainID, address)
	if count(tx.Bucket(marks), k) >= to {
		return false, nil
	}
	return true, tx.Bucket(marks).Put(k, binary.BigEndian.AppendUint64(nil, to))
}

// SetMark raises the mark of an account: below it, nothing is signed first any more. A mark that is higher stays; raised is false then.
func (j *Journal) SetMark(ctx context.Context, chainType string, chainID int64, address string, to uint64) (raised bool, err error) {
	err = j.write(ctx, func(tx *bolt.Tx) (bool, error) {
		raised, err = raiseMark(tx, chainType, chainID, address, to)
		return raised, err
	})
	return raised, err
}

// Closed is a payment that may have been signed for, by a machine whose journal is lost: nobody knows what it said. Only what cannot pay
// it a second time is signed for it.
type Closed struct {
	At      time.Time `json:"at"`
	Note    string    `json:"note"`
	Intents []string  `json:"intents"`        // that may have been signed: digests, hex
	Places  []Place   `json:"places"`         // where
	Most    *cost     `json:"most,omitempty"` // what limits count for it already: the most that these can take
}

// admits says whether an intent pays nothing twice whatever was signed. Exactly what was asked for does not; on EVM nothing does that
// has the same nonce, because the chain takes one transaction for each.
func (c Closed) admits(d signing.Digest, at Place) bool {
	return slices.Contains(c.Intents, d.String()) ||
		at.ChainType == derive.EVM && slices.ContainsFunc(c.Places, func(p Place) bool { return sameNumber(p, at) })
}

// closeExcept closes a payment to everything that could pay it a second time. One that is bound needs it not: its place keeps it.
func closeExcept(tx *bolt.Tx, a Loaded, at time.Time) (isNew bool, err error) {
	i := a.Intent
	if i.Payment == "" {
		return false, nil
	}
	if _, bound, err := boundTo(tx, i.Ledger, i.Payment); bound || err != nil {
		return false, err
	}
	c := Closed{At: at, Note: "loaded: it was asked for, and what was said is not known"}
	if _, err := getJSON(tx.Bucket(closed), key(i.Ledger, i.Payment), &c); err != nil {
		return false, err
	}
	d := i.Digest().String()
	if slices.Contains(c.Intents, d) {
		return false, nil
	}
	c.Intents, c.Places = append(c.Intents, d), append(c.Places, PlaceOf(i, a.Inputs))
	return true, putJSON(tx.Bucket(closed), key(i.Ledger, i.Payment), c)
}

// closedAt is the first place where a payment that is closed may be signed.
func closedAt(tx *bolt.Tx, ledger, payment string) (at Place, ok bool, err error) {
	var c Closed
	if ok, err = getJSON(tx.Bucket(closed), key(ledger, payment), &c); !ok || err != nil || len(c.Places) == 0 {
		return at, false, err
	}
	return c.Places[0], true, nil
}

// bindClosed prepares the release of a payment that is closed: it is bound to the first place where it may be signed, and the others are
// closed for ever with it. Of one that is bound, or not closed, it changes nothing.
func bindClosed(tx *bolt.Tx, r Release) error {
	var c Closed
	if _, bound, err := boundTo(tx, r.Ledger, r.Payment); bound || err != nil {
		return err
	}
	if ok, err := getJSON(tx.Bucket(closed), key(r.Ledger, r.Payment), &c); !ok || err != nil {
		return err
	}
	for _, other := range c.Places[1:] {
		if err := putJSON(tx.Bucket(releases), other.number().key, r); err != nil {
			return err
		}
	}
	return putJSON(tx.Bucket(payments), key(r.Ledger, r.Payment), c.Places[0])
}

// isClosed says whether an intent is for a payment that is closed to it; if it is not, counted is what limits count for it already.
func isClosed(tx *bolt.Tx, p *Proposal) (is bool, counted *policy.Cost, err error) {
	var c Closed
	ok, err := getJSON(tx.Bucket(closed), p.prepared().payment, &c)
	if !ok || err != nil {
		return false, nil, err
	}
	if !c.admits(p.Digest, p.prepared().place) {
		return true, nil, nil
	}
	if before, ok := c.Most.read(); ok {
		return false, &before, nil
	}
	return false, nil, nil
}
