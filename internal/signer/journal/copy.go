package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// Copy is a second copy of all answers, on another disk: a file of NDJSON lines (CopyRecord) that only grows, each with the hash of all
// before it. A journal that follows into one gives no answer before it is there, too. What it lacks when it is opened, it gets.
type Copy struct {
	f     *os.File
	path  string
	j     *Journal
	size  int64 // of the whole lines
	chain string
	gave  map[string]uint64 // by ledger: the number of the last answer
	keys  map[string]bool   // by chain type and address: it has the key
	ahead bool              // it has answers that the journal has not: the journal went back

	state atomic.Pointer[wire.CopyReport] // as the last commit left it
}

// CopyRecord is a line: the header first, then keys and answers, each key before its first answer.
type CopyRecord struct {
	Chain   string                 `json:"chain"` // SHA-256, hex, of the chain before it and of the line with an empty one
	Ledger  string                 `json:"ledger,omitempty"`
	Header  *signing.ExportHeader  `json:"header,omitempty"`
	Wallet  *signing.ExportWallet  `json:"wallet,omitempty"`
	Attempt *signing.ExportAttempt `json:"attempt,omitempty"`
	Bound   *policy.Bound          `json:"bound,omitempty"` // what the attempt's payment is bound with
}

// CopyFormat names the format, in the header.
const CopyFormat = "coffer-signer-copy-1"

// Follow has every answer wait until it is in the file at path as well. ahead is true if the file has answers that the journal has not:
// then the journal went back, and the machine must not go on. Close of the journal closes the file.
func (j *Journal) Follow(path string) (ahead bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, copyFault(err, path)
	}
	c := &Copy{f: f, path: path, j: j}
	if err := c.open(); err != nil {
		return false, errors.Join(err, f.Close())
	}
	if !c.ahead {
		if err := c.follow(); err != nil {
			return false, errors.Join(err, f.Close())
		}
	}
	c.note(nil)
	j.copy.Store(c)
	return c.ahead, nil
}

func copyFault(err error, path string) error {
	return fault.Wrap(err, fault.Unreachable, "copy_not_written", "make room on its disk, or make it writable; it goes on by itself", "the second copy %s cannot be written", path)
}

// open reads the file, cuts a last line that is not whole, and compares it with the journal.
func (c *Copy) open() error {
	c.gave, c.keys, c.ahead, c.chain, c.size = map[string]uint64{}, map[string]bool{}, false, "", 0
	if _, err := c.f.Seek(0, io.SeekStart); err != nil {
		return copyFault(err, c.path)
	}
	err := c.j.db.View(func(tx *bolt.Tx) error {
		var err error
		c.chain, c.size, err = ReadCopy(c.f, func(r CopyRecord) error { return c.compare(tx, r) })
		return err
	})
	if err != nil {
		return fault.Wrap(err, fault.Refused, "copy_broken", "look at it; to begin a new one, name another file", "the second copy %s", c.path)
	}
	if err := c.f.Truncate(c.size); err != nil {
		return copyFault(err, c.path)
	}
	return nil
}

// compare takes note of a line, and of whether the journal knows it.
func (c *Copy) compare(tx *bolt.Tx, r CopyRecord) error {
	switch {
	case r.Header != nil:
		if own := string(tx.Bucket(meta).Get(metaDevice)); r.Header.Device != own {
			return fmt.Errorf("it is of machine %s, and this is %s", r.Header.Device, own)
		}
	case r.Wallet != nil:
		c.keys[string(key(r.Wallet.ChainType, r.Wallet.Address))] = true
	case r.Attempt != nil:
		i, err := signing.Parse(r.Attempt.Intent)
		if err != nil {
			return err
		}
		d := i.Digest()
		f, _ := filedAt(tx.Bucket(receipts).Get(receiptKey(r.Ledger, r.Attempt.Seq)))
		c.ahead = c.ahead || f.digest != d
		c.gave[r.Ledger] = max(c.gave[r.Ledger], r.Attempt.Seq)
	}
	return nil
}

// ReadCopy reads a second copy and holds each line against its chain. A last line that was not written whole is left out: size is that of
// the lines before it.
func ReadCopy(r io.Reader, each func(CopyRecord) error) (chain string, size int64, err error) {
	lines := bufio.NewReaderSize(r, signing.MaxExportLine)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return chain, size, nil // what is left has no newline: it was never waited for
		}
		if err != nil {
			return chain, size, fmt.Errorf("line %d: %w", n, err)
		}
		var rec CopyRecord
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&rec); err != nil {
			return chain, size, fmt.Errorf("line %d: %w", n, err)
		}
		had := rec.Chain
		if whole, err := rec.encode(chain); err != nil || !bytes.Equal(whole, line) {
			return chain, size, fmt.Errorf("line %d: it was changed, or one before it", n)
		}
		if (rec.Header != nil) != (n == 1) || rec.Header != nil && rec.Header.Format != CopyFormat {
			return chain, size, fmt.Errorf("line %d: one header of %s is wanted, on the first line", n, CopyFormat)
		}
		if err := each(rec); err != nil {
			return chain, size, fmt.Errorf("line %d: %w", n, err)
		}
		chain, size = had, size+int64(len(line))
	}
}

// encode writes a record as a line, chained to those before it.
func (r *CopyRecord) encode(before string) ([]byte, error) {
	r.Chain = ""
	b, err := encodeLine(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(before+"\n"), b...))
	r.Chain = hex.EncodeToString(sum[:])
	return encodeLine(r)
}

func encodeLine(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return out.Bytes(), err
}

// note keeps what became of the last try to follow, for whoever watches.
func (c *Copy) note(err error) {
	s := &wire.CopyReport{Path: c.path, Bytes: c.size, State: wire.CopyFollows}
	switch {
	case err != nil:
		s.State, s.Error = wire.CopyFails, err.Error()
	case c.ahead:
		s.State = wire.CopyAhead
	}
	c.state.Store(s)
}

// catchUp is follow for a commit.
func (c *Copy) catchUp() error {
	err := c.follow()
	c.note(err)
	return err
}

// follow writes what the journal has and the copy has not, and syncs it. It is called with the journal's commits, one at a time.
func (c *Copy) follow() error {
	if err := c.present(); err != nil {
		return err
	}
	if c.ahead {
		if err := c.open(); err != nil { // a load may have told the journal by now
			return err
		}
	}
	return c.j.db.View(func(tx *bolt.Tx) error {
		if c.ahead && tx.Bucket(meta).Get(metaFrozen) != nil {
			return nil // nothing is signed, and what is there must stay
		}
		if c.ahead {
			return fault.New(fault.Unreachable, "copy_ahead", "coffer-signer freeze, then coffer-signer load "+c.path, "the second copy %s has answers that the journal has not", c.path)
		}
		next := &Copy{chain: c.chain, gave: map[string]uint64{}, keys: map[string]bool{}}
		out, err := c.missing(tx, next)
		if err != nil || len(out) == 0 {
			return err
		}
		if err := c.write(out); err != nil {
			return copyFault(err, c.path)
		}
		c.size, c.chain = c.size+int64(len(out)), next.chain
		for l, n := range next.gave {
			c.gave[l] = n
		}
		for k := range next.keys {
			c.keys[k] = true
		}
		return nil
	})
}

// present makes sure that what is written to is what lies at the path, whole: a file that was taken away, or cut, keeps nothing. One that is
// there again is read anew; none is made, because a new one would hide that the old one is lost.
func (c *Copy) present() error {
	there, err := os.Stat(c.path)
	if err != nil {
		return fault.Wrap(err, fault.Unreachable, "copy_lost", "put it back; it goes on by itself. To begin a new one, serve again", "the second copy %s is gone", c.path)
	}
	ours, err := c.f.Stat()
	if err == nil && os.SameFile(there, ours) && ours.Size() >= c.size {
		return nil
	}
	f, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return copyFault(err, c.path)
	}
	c.f, f = f, c.f
	return errors.Join(c.open(), f.Close())
}

// write puts lines where the whole ones end: what a failed write left behind them is overwritten.
func (c *Copy) write(b []byte) error {
	err := c.f.Truncate(c.size)
	if err == nil {
		_, err = c.f.WriteAt(b, c.size)
	}
	if err == nil {
		err = c.f.Sync()
	}
	return err
}

// madeAt is the journal's time; it is for people.
func (c *Copy) madeAt() time.Time {
	at, _ := c.j.Time()
	return at.UTC().Truncate(time.Second)
}

// missing is what the copy lacks, as lines.
func (c *Copy) missing(tx *bolt.Tx, next *Copy) (out []byte, err error) {
	add := func(r CopyRecord) error {
		line, err := r.encode(next.chain)
		out, next.chain = append(out, line...), r.Chain
		return err
	}
	if c.size == 0 {
		device := string(tx.Bucket(meta).Get(metaDevice))
		if err := add(CopyRecord{Header: &signing.ExportHeader{Format: CopyFormat, Device: device, MadeAt: c.madeAt()}}); err != nil {
			return nil, err
		}
	}
	for _, ledger := range ledgersOf(tx) {
		for {
			some, err := entriesAfter(tx, ledger, max(c.gave[ledger], next.gave[ledger]), signing.MaxEntries)
			if err != nil {
				return nil, err
			}
			if len(some) == 0 {
				break
			}
			for _, e := range some {
				if err := c.addEntry(tx, next, ledger, e, add); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func (c *Copy) addEntry(tx *bolt.Tx, next *Copy, ledger string, e signing.Entry, add func(CopyRecord) error) error {
	i, err := signing.Parse(e.Intent)
	if err != nil {
		return err
	}
	if name := key(i.ChainType, i.From); !c.keys[string(name)] && !next.keys[string(name)] {
		k, held, err := findKey(tx, i.ChainType, i.From)
		if err != nil {
			return err
		}
		if held && k.Ledger == ledger {
			next.keys[string(name)] = true
			w := &signing.ExportWallet{ChainType: k.ChainType, ChainID: i.ChainID, Address: k.Address, Path: k.Path, Account: k.Account, Ref: k.Ref}
			if err := add(CopyRecord{Ledger: ledger, Wallet: w}); err != nil {
				return err
			}
		}
	}
	next.gave[ledger] = e.Seq
	r := CopyRecord{Ledger: ledger, Attempt: &signing.ExportAttempt{Intent: e.Intent, Raw: e.Raw, Refusal: e.Refusal, Seq: e.Seq, At: e.At}}
	if e.Raw != nil && i.Payment != "" {
		at, _, err := paidAt(tx, ledger, i.Payment)
		if err != nil {
			return err
		}
		r.Bound = at.Bound
	}
	return add(r)
}

// ledgersOf are the ledgers that have answers.
func ledgersOf(tx *bolt.Tx) (all []string) {
	c := tx.Bucket(receipts).Cursor()
	for k, _ := c.First(); k != nil; {
		n, used := binary.Uvarint(k)
		if used <= 0 || uint64(len(k)-used) < n {
			return all
		}
		ledger := string(k[used : used+int(n)])
		all = append(all, ledger)
		k, _ = c.Seek(append(key(ledger), bytes.Repeat([]byte{0xff}, 9)...))
	}
	return all
}
