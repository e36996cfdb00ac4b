// Package journal is the memory of the signing machine: what it signed, what it refused, and which keys it made. It is what
// keeps two different payloads from ever being signed for one nonce or one output of Bitcoin (but for dearer copies of one payment and
// its cancellation on EVM), one payment from being signed at two places, and two payments from being one transaction.
//
//	signature number, rising → the intent in its canonical encoding, and the signed bytes with their hash; when, and the number of its
//	          receipt
//	entry     digest → the same with a refusal; and the signatures of before format 3
//	receipt   (ledger, number) → digest, and the number of the signature
//	given     ledger → how many receipts it has: the numbers of a journal that was loaded have holes
//	slot      (chain type, chain id, address, nonce, on Solana also attempt), on Bitcoin each outpoint and on Solana the message
//	          → the digests that are signed for it, in order, with the numbers of the signatures; the first owns it
//	payment   (ledger, payment id) → its place: all its slots
//	release   slot → that it is closed for ever, for which payment, when, why and by whom
//	key       (chain type, address) → derivation path, and the ledger that it is bound to
//	ref       (ledger, chain type, counter, ref) → derivation path
//	act       what people, or the machine itself, did with the machine: freeze, unfreeze, load
//	sum       counter of the policy → what was signed in the last hour and day
//	mark      (chain type, chain id, address) → the lowest nonce that may still be signed first
//	closed    (ledger, payment id) → the only intents that are signed for it
//	counter   the next index of each kind of key; it never goes back
//
// Nothing that is written here is told to anybody before it is on the disk.
package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
)

// FileName is the journal's file in the signing machine's home.
const FileName = "journal.db"

// format is the version of the journal's content. One of version 1 (no receipts, no limits) is taken over when it is opened; what one of
// version 2 has stays where it is, and is read there. A program that knows nothing of limits, or would not find what is signed, must not
// go on with one of a later version.
const format = "3"

// maxCalls is how many callers one commit carries.
const maxCalls = 64

// The buckets.
var (
	entries    = []byte("entries")
	signatures = []byte("signatures")
	receipts   = []byte("receipts")
	given      = []byte("given")
	slots      = []byte("slots")
	payments   = []byte("payments")
	releases   = []byte("releases")
	keys       = []byte("keys")
	refs       = []byte("refs")
	counters   = []byte("counters")
	sums       = []byte("sums")
	marks      = []byte("marks")
	closed     = []byte("closed")
	acts       = []byte("acts")
	meta       = []byte("meta")
)

// buckets are all of them.
var buckets = [][]byte{entries, signatures, receipts, given, slots, payments, releases, keys, refs, counters, sums, marks, closed, acts, meta}

// What stands in meta.
var (
	metaFormat   = []byte("format")
	metaDevice   = []byte("device")  // whose journal it is; missing until it is opened first
	metaRenewed  = []byte("renewed") // counts the commits that were made only to be sure of those before
	metaSigned   = []byte("signed")
	metaReleased = []byte("released")
	metaRefused  = []byte("refused")
	metaFrozen   = []byte("frozen") // missing: it is not
	metaKeys     = []byte("keys")
	metaTime     = []byte("time") // the last of the journal's clock, in seconds
)

// Journal is an open journal. One process has it open at a time.
type Journal struct {
	db    *bolt.DB
	group *groupcommit.Group[change, struct{}]
	rules *policy.Policy // what may be signed beyond what the journal rules out; nil: nothing may
	clock *clock
	doubt bool                 // the last commit failed; the group's alone
	copy  atomic.Pointer[Copy] // that answers wait for; nil: none
}

// Options are what a journal is opened with.
type Options struct {
	// Policy decides what may be signed, beyond what the journal rules out. nil: nothing may; every request ends without an answer.
	Policy *policy.Policy
	// Now is the clock by which limits are counted and authorizations expire. nil: time.Now.
	Now func() time.Time
	// OpenFile opens the journal's file. nil: os.OpenFile.
	OpenFile func(name string, flag int, mode fs.FileMode) (*os.File, error)
}

// Create makes an empty journal in the home of a new signing machine, and the home. One that nobody ever opened is kept.
//
// Only making a machine makes a journal. Open never does: a machine that lost its journal does not know what it signed.
func Create(dir string) (err error) {
	if err := vault.MakeHome(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	temp, err := os.MkdirTemp(dir, ".journal-*")
	if err != nil {
		return fmt.Errorf("make the journal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	fresh := filepath.Join(temp, FileName)
	db, err := bolt.Open(fresh, 0o600, nil)
	if err != nil {
		return fmt.Errorf("make the journal: %w", err)
	}
	err = errors.Join(db.Update(lay), db.Close(), os.Chmod(fresh, 0o600))
	if err == nil {
		err = os.Link(fresh, path) // whole, or not at all
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("make the journal: %w", err)
	}
	return nil
}

func lay(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return tx.Bucket(meta).Put(metaFormat, []byte(format))
}

// Open opens the journal of the machine whose identity key has this fingerprint.
func Open(dir, device string, o Options) (*Journal, error) {
	return open(dir, o, func(m *bolt.Bucket, path string) error { return take(m, path, device) })
}

// OpenAlone opens the journal of a home without its vault, for what needs no key. It is not bound to a machine thereby.
func OpenAlone(dir string, o Options) (*Journal, error) {
	return open(dir, o, func(*bolt.Bucket, string) error { return nil })
}

func open(dir string, o Options, owner func(m *bolt.Bucket, path string) error) (*Journal, error) {
	path := filepath.Join(dir, FileName)
	if st, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) || err == nil && st.Size() == 0 {
		return nil, fault.New(fault.Refused, "journal_missing", "put back the newest "+FileName+" of this machine; without it, it could sign twice",
			"the vault has keys, but %s is missing or empty: what was signed with them is not known", path)
	}
	if err := vault.CheckPrivate(path, 0o600); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, OpenFile: o.OpenFile})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fault.Wrap(err, fault.Refused, "already_serving", "coffer-signer status", "another process has %s open", path)
	case err != nil:
		return nil, fault.Wrap(err, nil, "journal_broken", "put back the newest "+FileName+" of this machine", "open %s", path)
	}
	// This commit is not only for the device. A process that was killed in its last commit may have left what can be read
	// but is not on the disk yet; once this one is, that is too.
	var last time.Time
	if err := db.Update(func(tx *bolt.Tx) error {
		if err := begin(tx, path, owner); err != nil {
			return err
		}
		last = lastTime(tx)
		return nil
	}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &Journal{db: db, rules: o.Policy, clock: newClock(o.Now, last)}
	j.group = groupcommit.New(maxCalls, j.commit)
	return j, nil
}

// begin makes sure that it is a journal, of this format, for its owner.
func begin(tx *bolt.Tx, path string, owner func(m *bolt.Bucket, path string) error) error {
	m := tx.Bucket(meta)
	if m == nil {
		return fault.New(fault.Refused, "journal_broken", "put back the newest "+FileName+" of this machine", "%s is no journal of a signing machine", path)
	}
	got := string(m.Get(metaFormat))
	if got != format && got != "1" && got != "2" {
		return fault.New(fault.Refused, "journal_format", "use the version of coffer-signer that wrote it", "%s has format %q, this program knows %s", path, got, format)
	}
	if err := owner(m, path); err != nil {
		return err
	}
	uncounted := tx.Bucket(given) == nil
	if err := lay(tx); err != nil { // those of earlier versions have not all buckets
		return err
	}
	if got == "1" {
		if err := numberAll(tx); err != nil {
			return err
		}
	} else if uncounted {
		if err := countAnswers(tx); err != nil {
			return err
		}
	}
	return bump(m, metaRenewed, 1)
}

// take binds the journal to its machine, or checks that it is.
func take(m *bolt.Bucket, path, device string) error {
	switch owner := m.Get(metaDevice); {
	case owner == nil:
		return m.Put(metaDevice, []byte(device))
	case !bytes.Equal(owner, []byte(device)):
		return fault.New(fault.Refused, "journal_of_another", "put vault.age and "+FileName+" of the same machine together",
			"%s belongs to machine %s, the vault to %s", path, owner, device)
	}
	return nil
}

// Close answers everybody who has already called and closes the file.
func (j *Journal) Close() error {
	j.group.Close()
	err := j.db.Close()
	if c := j.copy.Load(); c != nil {
		err = errors.Join(err, c.f.Close())
	}
	if err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
