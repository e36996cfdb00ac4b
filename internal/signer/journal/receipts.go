package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/signing"
)

// The answers to each ledger have numbers from 1, without holes, in the order in which they were journaled.

func receiptKey(ledger string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(key(ledger), seq)
}

// highest is the number of the last answer to a ledger; 0: there is none.
func highest(tx *bolt.Tx, ledger string) uint64 {
	c := tx.Bucket(receipts).Cursor()
	after := append(key(ledger), bytes.Repeat([]byte{0xff}, 9)...) // behind every number of this ledger
	k, _ := c.Seek(after)
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	seq, ok := bytes.CutPrefix(k, key(ledger))
	if !ok || len(seq) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(seq)
}

// Highest is the number of the last answer to a ledger; 0: none was given.
func (j *Journal) Highest(ctx context.Context, ledger string) (n uint64, err error) {
	err = j.write(ctx, func(tx *bolt.Tx) (bool, error) {
		n = highest(tx, ledger)
		return false, nil
	})
	return n, err
}

// LastSeen is Highest without waiting for the disk: the last answer may be on its way there.
func (j *Journal) LastSeen(ledger string) (n uint64, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		n = highest(tx, ledger)
		return nil
	})
	return n, err
}

// Entries are the answers to a ledger with numbers above after, at most limit of them, without the signatures of their receipts. They
// come through the group's lock, so that what they say is on the disk.
func (j *Journal) Entries(ctx context.Context, ledger string, after uint64, limit int) (all []signing.Entry, err error) {
	limit = min(limit, signing.MaxEntries)
	err = j.write(ctx, func(tx *bolt.Tx) (bool, error) {
		all, err = entriesAfter(tx, ledger, after, limit)
		return false, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func entriesAfter(tx *bolt.Tx, ledger string, after uint64, limit int) ([]signing.Entry, error) {
	var all []signing.Entry
	c := tx.Bucket(receipts).Cursor()
	k, v := c.Seek(receiptKey(ledger, after))
	if bytes.Equal(k, receiptKey(ledger, after)) {
		k, v = c.Next()
	}
	for ; len(all) < limit; k, v = c.Next() {
		seq, ok := bytes.CutPrefix(k, key(ledger))
		if k == nil || !ok || len(seq) != 8 {
			break
		}
		f, ok := filedAt(v)
		if !ok {
			return nil, fmt.Errorf("read the journal at receipt %d of %s: it names no digest", binary.BigEndian.Uint64(seq), ledger)
		}
		e, ok, err := f.entry(tx)
		if err != nil {
			return nil, err
		} else if !ok {
			return nil, fmt.Errorf("read the journal at %s: a receipt without its entry", f.digest)
		}
		all = append(all, signing.Entry{
			Seq: e.Seq, Digest: f.digest, Intent: e.Intent, Raw: e.Raw, Hash: e.Hash, Refusal: e.Refusal, At: e.At,
		})
	}
	return all, nil
}

// number gives a digest the next number of its ledger.
func number(tx *bolt.Tx, ledger string, d signing.Digest) (seq uint64, err error) {
	seq = highest(tx, ledger) + 1
	return seq, putReceipt(tx, ledger, seq, d)
}

// putReceipt writes a receipt whose number is free, and counts it.
func putReceipt(tx *bolt.Tx, ledger string, seq uint64, d signing.Digest) error {
	return errors.Join(tx.Bucket(receipts).Put(receiptKey(ledger, seq), d[:]), bump(tx.Bucket(given), key(ledger), 1))
}

// countAnswers counts the receipts of a journal of before they were counted.
func countAnswers(tx *bolt.Tx) error {
	n := map[string]uint64{}
	c := tx.Bucket(receipts).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if len(k) > 8 {
			n[string(k[:len(k)-8])]++
		}
	}
	for k, many := range n {
		if err := bump(tx.Bucket(given), []byte(k), many); err != nil {
			return err
		}
	}
	return nil
}

// numberAll gives the answers of before there were receipts their numbers, in the order of their digests, so that every answer has one.
func numberAll(tx *bolt.Tx) error {
	var digests []signing.Digest
	if err := tx.Bucket(entries).ForEach(func(d, _ []byte) error {
		if len(d) != len(signing.Digest{}) {
			return fmt.Errorf("read the journal: %x is no digest", d)
		}
		digests = append(digests, signing.Digest(d))
		return nil
	}); err != nil {
		return err
	}
	for _, d := range digests {
		var e entry
		if _, err := getJSON(tx.Bucket(entries), d[:], &e); err != nil {
			return err
		}
		i, err := signing.Parse(e.Intent)
		if err != nil {
			return fmt.Errorf("read the journal at %s: %w", d, err)
		}
		if e.Seq, err = number(tx, i.Ledger, d); err != nil {
			return err
		}
		if err := e.put(tx, d); err != nil {
			return err
		}
	}
	return nil
}
