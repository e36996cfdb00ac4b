package journal

import (
	"encoding/binary"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/signing"
)

// filed names a journaled answer, and says where its entry lies. Entries of signatures stand one behind the other in signatures, in the
// order in which they were made: what is committed together lies together, and is found by the slot that it took. By their digests,
// which have no order, they would be written all over the file, a page for each. Refusals take no slot and lie in entries, by digest; so do
// signatures of before format 3, and those that were loaded.
type filed struct {
	digest signing.Digest
	number uint64 // in signatures; 0: it lies in entries
}

// filedSize is the length of one as bytes: the digest, and the number, big-endian.
const filedSize = len(signing.Digest{}) + 8

// numbered ends a list of filed answers. A list of before format 3 is digests alone: its length is a multiple of 32, and with this byte
// behind it, that of a list of today never is.
const numbered = 1

func (f filed) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, f.digest[:]...), f.number)
}

// readFiled reads what stands in a slot: what is signed for it, in order. One that was never written is empty.
func readFiled(b []byte) ([]filed, error) {
	const old = len(signing.Digest{})
	var all []filed
	switch {
	case len(b)%old == 0:
		for d := range slices.Chunk(b, old) {
			all = append(all, filed{digest: signing.Digest(d)})
		}
	case len(b)%filedSize == 1 && b[len(b)-1] == numbered:
		for d := range slices.Chunk(b[:len(b)-1], filedSize) {
			all = append(all, filed{signing.Digest(d[:old]), binary.BigEndian.Uint64(d[old:])})
		}
	default:
		return nil, fmt.Errorf("read the journal: %d bytes of digests", len(b))
	}
	return all, nil
}

// addTo puts an answer behind those that are signed for a slot.
func (f filed) addTo(tx *bolt.Tx, s Slot, free bool) error {
	var before []filed
	if !free {
		var err error
		if before, err = signedFor(tx, s); err != nil {
			return err
		}
	}
	b := make([]byte, 0, (len(before)+1)*filedSize+1)
	for _, a := range append(before, f) {
		b = a.append(b)
	}
	return tx.Bucket(slots).Put(s.key, append(b, numbered))
}

// signedFor reads what is signed for a slot, in order; empty: nothing is.
func signedFor(tx *bolt.Tx, s Slot) ([]filed, error) { return readFiled(tx.Bucket(slots).Get(s.key)) }

// find finds the answer of a digest, which is among those signed for its number if it is signed at all.
func find(tx *bolt.Tx, d signing.Digest, signed []filed) (f filed, ok bool) {
	if tx.Bucket(entries).Get(d[:]) != nil {
		return filed{digest: d}, true
	}
	for _, f := range signed {
		if f.digest == d && f.number != 0 {
			return f, true
		}
	}
	return filed{}, false
}

// filedAt reads what a receipt names.
func filedAt(b []byte) (f filed, ok bool) {
	const old = len(signing.Digest{})
	switch len(b) {
	case old:
		return filed{digest: signing.Digest(b)}, true
	case filedSize:
		return filed{signing.Digest(b[:old]), binary.BigEndian.Uint64(b[old:])}, true
	}
	return filed{}, false
}

// entry reads the entry. ok is false if there is none.
func (f filed) entry(tx *bolt.Tx) (e entry, ok bool, err error) {
	if f.number == 0 {
		ok, err = getJSON(tx.Bucket(entries), f.digest[:], &e)
	} else {
		ok, err = getJSON(tx.Bucket(signatures), binary.BigEndian.AppendUint64(nil, f.number), &e)
	}
	return e, ok, err
}

// file writes the entry of a signature behind all others.
func (e entry) file(tx *bolt.Tx, d signing.Digest) (filed, error) {
	b := tx.Bucket(signatures)
	b.FillPercent = 1 // its keys only rise
	n, err := b.NextSequence()
	if err != nil {
		return filed{}, err
	}
	value, err := e.bytes()
	if err != nil {
		return filed{}, err
	}
	return filed{d, n}, b.Put(binary.BigEndian.AppendUint64(nil, n), value)
}
