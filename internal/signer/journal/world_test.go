package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/policy/policytest"
	"coffer.internal/signing"
)

const (
	ledger = "ledger-1"
	device = "SHA256:machine"
	from   = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
	to     = "0x52908400098527886E0F7030069857D2E4169EE7"
)

func payment(nonce uint64, id, amount string) signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: id, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: 1, From: from, Nonce: nonce,
		EVM: &signing.EVMTransfer{To: to, Amount: amount, GasLimit: 21000, MaxFeePerGas: "30", MaxPriorityFeePerGas: "2"},
	}
}

func gapFill(nonce uint64) signing.Intent {
	i := payment(nonce, "", "0")
	i.Purpose, i.EVM.To = signing.PurposeGapFill, from
	return i
}

// proposed is an intent with a signature that stands for the real one, by a key that is held.
func proposed(i signing.Intent) Proposal {
	d := i.Digest()
	return Proposal{Intent: i, Digest: d, Held: true, KeyLedger: ledger, Raw: []byte("signed " + d.String()), Hash: "0x" + d.String()}
}

// world is a journal in a folder, whose file can be made unwritable under it.
type world struct {
	*Journal
	t    *testing.T
	dir  string
	file *os.File
	now  time.Time // its clock, if it is set
	text string    // its policy; empty: all is permitted
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "signer")}
	if err := Create(w.dir); err != nil {
		t.Fatal(err)
	}
	w.open()
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	rules := policytest.AllowAll()
	if w.text != "" {
		if rules, err = policy.Parse([]byte(w.text)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.Journal, err = Open(w.dir, device, Options{Policy: rules, Now: w.clockNow, OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		w.file, err = os.OpenFile(name, flag, mode)
		return w.file, err
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clockNow() time.Time {
	if w.now.IsZero() {
		return time.Now()
	}
	return w.now
}

// put writes into the journal as somebody does who changes the file by hand.
func (w *world) put(bucket, key []byte, value string) {
	w.t.Helper()
	if err := w.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(key, []byte(value)) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reopen() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// breakDisk makes the kernel refuse every write to the journal, until mend.
func (w *world) breakDisk() (mend func()) {
	w.t.Helper()
	return w.replaceFile(filepath.Join(w.dir, FileName), syscall.O_RDONLY)
}

// breakSync makes the kernel take every write to the journal and refuse to sync it, until mend.
func (w *world) breakSync() (mend func()) {
	w.t.Helper()
	return w.replaceFile(os.DevNull, syscall.O_RDWR)
}

// replaceFile puts another file where the journal's file descriptor is, until mend.
func (w *world) replaceFile(path string, flag int) (mend func()) {
	w.t.Helper()
	other, err := syscall.Open(path, flag, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	fd := int(w.file.Fd())
	own, err := syscall.Dup(fd)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := syscall.Dup3(other, fd, 0); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := syscall.Dup3(own, fd, 0); err != nil {
			w.t.Fatal(err)
		}
		_, _ = syscall.Close(own), syscall.Close(other)
	}
}

func (w *world) record(ps ...Proposal) []signing.Answer {
	w.t.Helper()
	answers, err := w.Record(w.t.Context(), ps)
	if err != nil {
		w.t.Fatal(err)
	}
	return answers
}

// commits is how often the file was committed so far.
func (w *world) commits() (n int) {
	w.t.Helper()
	if err := w.db.View(func(tx *bolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// brief is an answer in a word.
func brief(a signing.Answer) string {
	if a.Refusal != nil {
		return a.Refusal.Code
	}
	return "signed"
}

func briefs(as []signing.Answer) string {
	s := ""
	for _, a := range as {
		s += fmt.Sprintf(" %s", brief(a))
	}
	return s
}

// newWorldAt is a journal whose clock stands at a time.
func newWorldAt(t *testing.T, now time.Time) *world {
	t.Helper()
	w := newWorld(t)
	w.now = now
	w.reopen()
	return w
}

// facts are what is known about a proposal.
func (w *world) facts(p Proposal) (f Facts) {
	w.t.Helper()
	if err := w.db.View(func(tx *bolt.Tx) (err error) { f, err = facts(tx, &p, w.clockNow()); return err }); err != nil {
		w.t.Fatal(err)
	}
	return f
}

// newWorldUnder is a journal under a policy, whose clock stands.
func newWorldUnder(t *testing.T, policy string) *world {
	t.Helper()
	w := newWorld(t)
	w.now, w.text = noon, policy
	w.reopen()
	return w
}
