package journal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// Release closes the slot that a payment is bound to, for ever, so that the payment may be bound to one other.
type Release struct {
	Ledger  string    `json:"ledger"` // empty: the only one that has such a payment
	Payment string    `json:"payment"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	Proof   []string  `json:"proof,omitempty"` // directives of the officers who approved it
}

// Unapproved is for acts that nobody has to approve.
func Unapproved(string) (proof []string, err error) { return nil, nil }

// Release records a release and answers with what is recorded, under the ledger that it found. approve is asked about the place as it is
// in the transaction that closes it, and returns the proof to be kept. For a place that was released before, nothing is asked, already
// is true, and what was recorded then stays.
func (j *Journal) Release(ctx context.Context, r Release, approve func(subject string) (proof []string, err error)) (ledger string, s signing.PaymentState, already bool, err error) {
	r.Reason = strings.TrimSpace(r.Reason)
	if r.Payment == "" || r.Reason == "" {
		return "", s, false, fault.New(fault.Usage, "usage", "coffer-signer release REQUEST_ID --reason TEXT", "a release names a payment and a reason")
	}
	if len(r.Reason) > maxName {
		return "", s, false, fault.New(fault.Usage, "long_reason", "", "a reason has at most %d bytes, this one has %d", maxName, len(r.Reason))
	}
	err = j.write(ctx, func(tx *bolt.Tx) (wrote bool, err error) {
		if r.Ledger == "" {
			if r.Ledger, err = onlyLedger(tx, r.Payment); err != nil {
				return false, err
			}
		}
		wrote, err = release(tx, r, approve)
		if err == nil {
			s, err = state(tx, r.Ledger, r.Payment)
		}
		already = !wrote
		return wrote, err
	})
	if err != nil {
		return "", signing.PaymentState{}, false, err
	}
	return r.Ledger, s, already, nil
}

// release closes the place of a payment, unless it is closed.
func release(tx *bolt.Tx, r Release, approve func(subject string) (proof []string, err error)) (wrote bool, err error) {
	at, ok, err := boundTo(tx, r.Ledger, r.Payment)
	if err != nil {
		return false, err
	}
	if !ok {
		if at, ok, err = closedAt(tx, r.Ledger, r.Payment); err != nil {
			return false, err
		}
	}
	if !ok {
		return false, fault.New(fault.NotFound, "no_such_payment", "coffer tx show REQUEST_ID shows whether it was asked for",
			"nothing is signed here for payment %q of ledger %s", r.Payment, r.Ledger)
	}
	slot := at.number()
	if released(tx, slot) {
		return false, nil
	}
	t, err := taken(tx, at.ChainType, slot)
	switch {
	case err != nil:
		return false, err
	case at.ChainType != derive.EVM:
		return false, fault.New(fault.Refused, "release_only_on_evm", "",
			"payment %q is signed at %s: only a nonce on EVM can be known to be spent by something else", r.Payment, at)
	case t != nil && t.Last.Purpose == signing.PurposeCancel:
		return false, fault.New(fault.Refused, "payment_cancelled", "coffer tx cancel REQUEST_ID ends it; paying after that needs a new request id",
			"payment %q is cancelled at %s: it is never signed anew", r.Payment, at)
	}
	if r.Proof, err = approve(releaseSubject(r.Ledger, r.Payment, at)); err != nil {
		return false, err
	}
	return true, errors.Join(bindClosed(tx, r), putJSON(tx.Bucket(releases), slot.key, r), bump(tx.Bucket(meta), metaReleased, 1))
}

// releaseSubject is what officers approve: that this payment of this ledger is released from this place, and from no other. It is one
// word to a shell, and no two releases have the same.
func releaseSubject(ledger, payment string, at Place) string {
	return fmt.Sprintf("%s/%s/%s/%d/%s/%d", url.PathEscape(ledger), url.PathEscape(payment), at.ChainType, at.ChainID, at.Address, at.Nonce)
}

// Payment says where a payment id stands. It comes through the group's lock, so that what it says is on the disk.
func (j *Journal) Payment(ctx context.Context, ledger, payment string) (s signing.PaymentState, err error) {
	err = j.write(ctx, func(tx *bolt.Tx) (bool, error) {
		s, err = state(tx, ledger, payment)
		return false, err
	})
	if err != nil {
		return signing.PaymentState{}, err
	}
	return s, nil
}

func state(tx *bolt.Tx, ledger, payment string) (s signing.PaymentState, err error) {
	at, ok, err := boundTo(tx, ledger, payment)
	if err != nil || !ok {
		return s, err
	}
	s = signing.PaymentState{Bound: true, ChainType: at.ChainType, ChainID: at.ChainID, Address: at.Address, Nonce: at.Nonce}
	t, err := taken(tx, at.ChainType, at.number())
	if err != nil {
		return s, err
	}
	s.Cancelled = t != nil && t.Last.Purpose == signing.PurposeCancel
	var r Release
	if s.Released, err = getJSON(tx.Bucket(releases), at.number().key, &r); s.Released {
		s.ReleasedAt, s.ReleasedBy, s.Reason = r.At, r.By, r.Reason
	}
	return s, err
}

// onlyLedger is the one ledger that has a payment of this id. Ledgers are known by the keys that are bound to them.
func onlyLedger(tx *bolt.Tx, payment string) (string, error) {
	var all, with []string
	c := tx.Bucket(keys).Cursor()
	for name, _ := c.First(); name != nil; name, _ = c.Next() {
		var k Key
		if _, err := getJSON(tx.Bucket(keys), name, &k); err != nil {
			return "", err
		}
		all = append(all, k.Ledger)
	}
	slices.Sort(all)
	for _, l := range slices.Compact(all) {
		_, bound, err := boundTo(tx, l, payment)
		_, open, errOpen := closedAt(tx, l, payment)
		if err := errors.Join(err, errOpen); err != nil {
			return "", err
		}
		if bound || open {
			with = append(with, l)
		}
	}
	switch len(with) {
	case 0:
		return "", fault.New(fault.NotFound, "no_such_payment", "coffer tx show REQUEST_ID shows whether it was asked for", "nothing is signed here for payment %q", payment)
	case 1:
		return with[0], nil
	}
	return "", fault.New(fault.Usage, "which_ledger", "--ledger ID", "payment %q is signed for several ledgers: %s", payment, strings.Join(with, ", "))
}
