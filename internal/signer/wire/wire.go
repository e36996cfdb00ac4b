// Package wire is how coffer and the signing machine speak: HTTP with JSON bodies.
//
//	POST /v1/sign           SignRequest → SignAnswers
//	POST /v1/keys           signing.KeyRequest → signing.Key
//	POST /v1/keys/find      FindRequest → FindAnswer
//	POST /v1/payments/find  PaymentRequest → signing.PaymentState
//	POST /v1/journal        JournalRequest → JournalAnswer
//	GET  /v1/status         signing.Status
//	GET  /v1/report         Report
//	POST /v1/lock           LockAnswer
//
// On the machine's own administrative socket, and on no other:
//
//	POST /v1/release        ReleaseRequest → ReleaseAnswer
//	POST /v1/freeze         FreezeRequest → FreezeAnswer
//	POST /v1/unfreeze       UnfreezeRequest → UnfreezeAnswer
//	POST /v1/load           LoadRequest → LoadAnswer
//	POST /v1/backup         BackupRequest → BackupAnswer
//	GET  /v1/policy         PolicyAnswer
//
// Anything else than status 200 carries a Problem.
package wire

import (
	"bytes"
	"encoding/json"
	"time"

	"coffer.internal/signing"
)

// The paths.
const (
	PathSign    = "/v1/sign"
	PathKeys    = "/v1/keys"
	PathFind    = "/v1/keys/find"
	PathPayment = "/v1/payments/find"
	PathJournal = "/v1/journal"
	PathStatus  = "/v1/status"
	PathReport  = "/v1/report"
	PathLock    = "/v1/lock"
	PathRelease = "/v1/release"

	PathFreeze   = "/v1/freeze"
	PathUnfreeze = "/v1/unfreeze"
	PathPolicy   = "/v1/policy"
	PathLoad     = "/v1/load"
	PathBackup   = "/v1/backup"
)

const (
	// MaxIntents is how many intents one request carries at most.
	MaxIntents = 1000
	// MaxIntent is the length of the longest intent, in bytes of its canonical encoding. A usual one has 400.
	MaxIntent = 8 << 10
	// MaxAuthorizations is how many authorizations one intent has at most.
	MaxAuthorizations = 8
)

// The codes of Problems that are told apart.
const (
	CodeLocked      = "locked"       // the machine is locked
	CodeFrozen      = "frozen"       // the machine is frozen
	CodeRateLimited = "rate_limited" // the caller asked for too much in too short a time: nothing was done
)

// SignRequest carries intents in their canonical encoding, byte for byte.
type SignRequest struct {
	Intents        []json.RawMessage `json:"intents"`
	Authorizations [][]string        `json:"authorizations,omitempty"` // the tokens of each intent, in the same order; left out: no intent has any
	Held           *signing.Held     `json:"held,omitempty"`
}

// SignAnswers answers each intent, in order.
type SignAnswers struct {
	Answers []SignAnswer `json:"answers"`
}

// SignAnswer is a signature or a refusal.
type SignAnswer struct {
	Digest  string           `json:"digest"`
	Raw     []byte           `json:"raw,omitempty"` // base64
	Hash    string           `json:"hash,omitempty"`
	Refusal *signing.Refusal `json:"refusal,omitempty"`
	Receipt signing.Receipt  `json:"receipt"`
}

// FindRequest asks for the key of an address.
type FindRequest struct {
	Ledger    string `json:"ledger"`
	ChainType string `json:"chain_type"`
	Address   string `json:"address"`
}

// FindAnswer has no key if the machine holds none for that ledger.
type FindAnswer struct {
	Key *signing.Key `json:"key"`
}

// PaymentRequest asks where a payment id stands.
type PaymentRequest struct {
	Ledger  string `json:"ledger"`
	Payment string `json:"payment"`
}

// JournalRequest asks for the answers to a ledger with numbers above After.
type JournalRequest struct {
	Ledger string `json:"ledger"`
	After  uint64 `json:"after"`
	Limit  int    `json:"limit"` // at most signing.MaxEntries are given; 0: only the highest number
}

// JournalAnswer has the entries in order of their numbers.
type JournalAnswer struct {
	Highest uint64         `json:"highest"` // of the ledger; 0: none
	Entries []JournalEntry `json:"entries"`
}

// JournalEntry is a journaled answer with its intent, in its canonical encoding.
type JournalEntry struct {
	At     time.Time       `json:"at,omitzero"`
	Intent json.RawMessage `json:"intent"`
	SignAnswer
}

// ReleaseRequest asks for the release of a payment from the place that it is bound to. Who asks and when is not for it to say.
type ReleaseRequest struct {
	Ledger  string `json:"ledger,omitempty"` // empty: the only one that has such a payment
	Payment string `json:"payment"`
	Reason  string `json:"reason"`

	Approvals []string `json:"approvals,omitempty"` // directives of officers
}

// FreezeRequest asks the machine to sign nothing more. Who asks and when is not for it to say.
type FreezeRequest struct {
	Reason string `json:"reason"`
}

// FreezeAnswer is the freeze as it is now.
type FreezeAnswer struct {
	Freeze        string `json:"freeze"` // its id
	Why           string `json:"why"`    // all reasons so far
	AlreadyFrozen bool   `json:"already_frozen"`
}

// UnfreezeRequest asks the machine to sign again.
type UnfreezeRequest struct {
	Approvals []string `json:"approvals,omitempty"` // directives of officers
}

// UnfreezeAnswer is the freeze that was ended.
type UnfreezeAnswer struct {
	Freeze   string   `json:"freeze"` // its id; empty if the machine was not frozen
	Why      string   `json:"why"`
	Officers []string `json:"officers"` // who approved; nobody, if the policy names no officers
}

// LoadRequest asks the machine to take over what a ledger holds of it.
type LoadRequest struct {
	Path      string   `json:"path"`    // absolute, of the export
	DryRun    bool     `json:"dry_run"` // only say what would change
	Approvals []string `json:"approvals,omitempty"`
}

// BackupRequest asks for a copy of the machine's home, sealed for age recipients.
type BackupRequest struct {
	Path       string   `json:"path"`       // absolute; it must not exist
	Recipients []string `json:"recipients"` // age1…
}

// BackupAnswer is the backup that was made.
type BackupAnswer struct {
	Path     string   `json:"path"`
	Manifest Manifest `json:"manifest"`
	SignedBy string   `json:"signed_by"` // device whose identity key signed it; empty: nobody served, so nobody did
}

// Manifest says what a backup holds.
type Manifest struct {
	Format  string    `json:"format"`
	Device  string    `json:"device"` // empty: the machine was never served
	MadeAt  time.Time `json:"made_at"`
	Version string    `json:"version"`
	Keys    int       `json:"keys"`
	Signed  int       `json:"signed"`
	Refused int       `json:"refused"`
	Parts   []Part    `json:"parts"`
}

// Part is a file of the machine's home in a backup.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// LoadAnswer is what was loaded, or would be.
type LoadAnswer struct {
	Done           bool       `json:"done"`           // false: nothing was changed
	AlreadyLoaded  bool       `json:"already_loaded"` // this very file was loaded before
	SHA256         string     `json:"sha256"`
	OfficersNeeded bool       `json:"officers_needed"`
	Command        string     `json:"command"` // what each of two officers runs to approve it
	Officers       []string   `json:"officers"`
	Load           LoadReport `json:"load"`
}

// LoadReport says what a load changes. What the journal knows already stays.
type LoadReport struct {
	Ledger  string    `json:"ledger"`
	Device  string    `json:"device"` // as the file names it
	MadeAt  time.Time `json:"made_at"`
	Keys    Change    `json:"keys"`
	Signed  Change    `json:"signed"`
	Refused Change    `json:"refused"`
	// Asked are those whose answer nobody knows: from now on their payments are signed at these places, or not at all.
	Asked    Change `json:"asked"`
	Marks    Change `json:"marks"`    // new: raised
	Receipts uint64 `json:"receipts"` // the highest number after it
	// Counted are the policy's counters that new signatures, and payments without a known answer, went into, as they stand after it.
	Counted []CounterSum `json:"counted"`
}

// CounterSum is what a counter of the policy holds. Amounts and fees are base units.
type CounterSum struct {
	Counter    string `json:"counter"`
	HourAmount string `json:"hour_amount"`
	HourFee    string `json:"hour_fee"`
	HourCount  int    `json:"hour_count"`
	DayAmount  string `json:"day_amount"`
	DayFee     string `json:"day_fee"`
	DayCount   int    `json:"day_count"`
}

// Change counts what is new to the journal, and what it knew.
type Change struct {
	New   int `json:"new"`
	Known int `json:"known"`
}

// Count counts one.
func (c *Change) Count(isNew bool) {
	if isNew {
		c.New++
	} else {
		c.Known++
	}
}

// ReleaseAnswer is what is recorded.
type ReleaseAnswer struct {
	Ledger          string `json:"ledger"`
	Payment         string `json:"payment"`
	AlreadyReleased bool   `json:"already_released"`
	signing.PaymentState
}

// PolicyAnswer is the record of the policy in force.
type PolicyAnswer struct {
	Hash      string    `json:"hash"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	Approvals []string  `json:"approvals,omitempty"`
	Identity  []byte    `json:"identity"`
	Signature []byte    `json:"signature"`
	Text      []byte    `json:"text"`
}

// LockAnswer says whether the machine was locked before.
type LockAnswer struct {
	AlreadyLocked bool `json:"already_locked"`
}

// Problem is what went wrong.
type Problem struct {
	Error Details `json:"error"`
}

// Details are a fault, without its kind: that is the HTTP status.
type Details struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Encode writes JSON that leaves intents in their canonical encoding.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
