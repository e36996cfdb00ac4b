package journal

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/signing"
)

// entry is what is kept for a digest: the intent, and either signature or refusal.
type entry struct {
	Seq     uint64           `json:"seq,omitempty"` // the number of its receipt
	At      time.Time        `json:"at,omitzero"`   // when it was journaled; missing: before there were receipts
	Intent  json.RawMessage  `json:"intent"`
	Raw     []byte           `json:"raw,omitempty"`
	Hash    string           `json:"hash,omitempty"`
	Refusal *signing.Refusal `json:"refusal,omitempty"`
	Most    *cost            `json:"most,omitempty"` // the most that is signed at its place up to it; missing for the first

	end []byte // how a signature ends, from the intent on; nil: it was not written before
}

// put writes the entry by its digest.
func (e entry) put(tx *bolt.Tx, d signing.Digest) error {
	b, err := e.bytes()
	if err != nil {
		return err
	}
	return tx.Bucket(entries).Put(d[:], b)
}

// bytes is the entry as JSON.
func (e entry) bytes() ([]byte, error) {
	if e.Refusal == nil && e.Most == nil && !e.At.IsZero() && plain(e.Hash) {
		return e.encode(), nil
	}
	return encodeJSON(e)
}

// encode is what encoding/json makes of a usual signature, in a fraction of the time.
func (e entry) encode() []byte {
	b := make([]byte, 0, len(e.Intent)+base64.StdEncoding.EncodedLen(len(e.Raw))+len(e.Hash)+128)
	b = strconv.AppendUint(append(b, `{"seq":`...), e.Seq, 10)
	b = e.At.UTC().AppendFormat(append(b, `,"at":"`...), time.RFC3339Nano)
	b = append(b, '"')
	if e.end != nil {
		return append(b, e.end...)
	}
	return appendSignature(b, e.Intent, e.Raw, e.Hash)
}

// plain says whether a text stands in JSON as it is.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// answer is an entry as it is given out. The signature of its receipt is for the machine to make: it is the same each time.
func (e entry) answer(d signing.Digest) signing.Answer {
	return signing.Answer{Digest: d, Raw: e.Raw, Hash: e.Hash, Refusal: e.Refusal, Receipt: signing.Receipt{Seq: e.Seq}}
}

// answer reads a journaled answer.
func (f filed) answer(tx *bolt.Tx) (signing.Answer, error) {
	e, _, err := f.entry(tx)
	if err != nil {
		return signing.Answer{}, err
	}
	return e.answer(f.digest), nil
}

// intent reads the intent of an answer; if there is none, it is empty.
func (f filed) intent(tx *bolt.Tx) (signing.Intent, error) {
	e, ok, err := f.entry(tx)
	if !ok || err != nil {
		return signing.Intent{}, err
	}
	i, err := signing.Parse(e.Intent)
	if err != nil {
		return signing.Intent{}, fmt.Errorf("read the journal at %s: %w", f.digest, err)
	}
	return i, nil
}

// key joins parts so that no two lists of parts are the same key.
func key(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

func putJSON(b *bolt.Bucket, key []byte, v any) error {
	value, err := encodeJSON(v)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

func encodeJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // an intent stays in its canonical encoding
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the journal: %w", err)
	}
	return out.Bytes(), nil
}

// getJSON copies a value out of the transaction's memory. ok is false if there is none.
func getJSON(b *bolt.Bucket, key []byte, v any) (ok bool, err error) {
	raw := b.Get(key)
	if raw == nil {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("read the journal at %x: %w", key, err)
	}
	return true, nil
}

// count reads a number that was never written as 0.
func count(b *bolt.Bucket, key []byte) uint64 {
	raw := b.Get(key)
	if len(raw) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}

// bump adds to a number.
func bump(b *bolt.Bucket, key []byte, n uint64) error {
	return b.Put(key, binary.BigEndian.AppendUint64(nil, count(b, key)+n))
}
