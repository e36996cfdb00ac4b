package signing

import (
	"context"
	"time"
)

// Journal is what a signing machine can tell beside Machine: all answers that it ever gave to a ledger, by the number of their receipts.
type Journal interface {
	// Entries are the answers to a ledger with numbers above after, in order, at most limit of them (and at most
	// MaxEntries). There are no more if it returns none. They are on the machine's disk.
	Entries(ctx context.Context, ledger string, after uint64, limit int) ([]Entry, error)
	// Highest is the number of the last answer to a ledger; 0: none was given. It answers even when the machine is locked.
	Highest(ctx context.Context, ledger string) (uint64, error)
}

// MaxEntries is how many entries one call of Journal.Entries gives at most.
const MaxEntries = 500

// Entry is a journaled answer with the intent that it is for. Signature is the receipt's, as in Receipt.
type Entry struct {
	Seq       uint64
	Digest    Digest
	Intent    []byte // in its canonical encoding
	Raw       []byte
	Hash      string
	Refusal   *Refusal
	At        time.Time // when it was journaled, by the machine's clock; zero: before there were receipts
	Signature []byte
}

// Answer is the entry as the answer that was given.
func (e Entry) Answer() Answer {
	return Answer{Digest: e.Digest, Raw: e.Raw, Hash: e.Hash, Refusal: e.Refusal, Receipt: Receipt{Seq: e.Seq, Signature: e.Signature}}
}
