package restore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/storefault"
)

// The kinds of differences. The list is closed; docs/restore.md says what each means.
const (
	// AttemptRebuilt: the signing machine signed it after the cut-off. Its request is bound to it, and never paid again.
	AttemptRebuilt = "attempt_rebuilt"
	// AttemptAnswered: it was asked for in the backup, and answered after it.
	AttemptAnswered = "attempt_answered"
	// RefusalRebuilt: the signing machine refused it after the cut-off.
	RefusalRebuilt = "refusal_rebuilt"
	// WalletRegistered: the signing machine has its key, and the backup did not know of it.
	WalletRegistered = "wallet_registered"
	// KeyUnregistered: likewise, and nothing says on which chain it is used.
	KeyUnregistered = "key_unregistered"
	// CursorRaised: signing machine or chain were further than the backup.
	CursorRaised = "cursor_raised"
	// ExternalChain: the chain has spent it, and neither backup nor signing machine know what on.
	ExternalChain = "external_chain"
	// NonceFreed: it was reserved in the backup, and neither journaled nor spent on the chain.
	NonceFreed = "nonce_freed"
	// NonceGap: it was given after the cut-off, and never signed: one above it was. The next payment takes it, or a gap fill.
	NonceGap = "nonce_gap"
	// NonceReview: the key signs elsewhere, or with a machine that was not compared, so nobody here knows whether it is signed.
	NonceReview = "nonce_review"
	// WithdrawalHeld: it waits until it is submitted again.
	WithdrawalHeld = "withdrawal_held"
	// Conflict: the signing machine's answer contradicts what the backup has. A person has to mend that.
	Conflict = "conflict"
	// ChainUnknown: no node, or none that others agree with, could be asked what the wallet has spent.
	ChainUnknown = "chain_unknown"
	// SignerUnknown: another signing machine than the one that answers holds keys of the ledger. Its journal was not compared.
	SignerUnknown = "signer_unknown"
)

// Kinds are all of them, in the order in which they are shown: what needs a person first.
var Kinds = []string{
	Conflict, ChainUnknown, SignerUnknown, NonceReview, KeyUnregistered, ExternalChain, WithdrawalHeld, AttemptRebuilt, AttemptAnswered, RefusalRebuilt,
	WalletRegistered, CursorRaised, NonceGap, NonceFreed,
}

// recomputed are those that are found out anew each time.
var recomputed = []string{Conflict, ChainUnknown, SignerUnknown, NonceReview, KeyUnregistered, ExternalChain, CursorRaised, NonceGap}

// The states of a restore.
const (
	Unfinished = "unfinished" // the examination has not come to its end
	Paused     = "paused"     // it has, and the ledger waits for its acceptance
	Accepted   = "accepted"
)

// Report is what became of a restore.
type Report struct {
	ID     int64     `json:"restore"`
	State  string    `json:"state"`
	At     time.Time `json:"at"`
	CutOff time.Time `json:"cut_off"` // whatever callers submitted after it, and what had not ended then, they submit again
	Digest string    `json:"manifest_sha256"`
	By     string    `json:"by"`

	ExaminedAt *time.Time `json:"examined_at"`
	AcceptedAt *time.Time `json:"accepted_at"`
	AcceptedBy string     `json:"accepted_by"`
	Reason     string     `json:"reason"`

	Counts      map[string]int `json:"counts"`      // differences, by kind
	StillHeld   int            `json:"still_held"`  // withdrawals that wait to be submitted again
	Differences []Difference   `json:"differences"` // the most urgent kinds first
	CanAccept   bool           `json:"can_accept"`  // without --despite-unknown
	WhyNot      string         `json:"why_not"`     // why it cannot
}

// Difference is one row of a report.
type Difference struct {
	Kind      string    `json:"kind"`
	ChainType string    `json:"chain_type"`
	ChainID   int64     `json:"chain_id"`
	Wallet    string    `json:"wallet"`  // address
	Nonce     *uint64   `json:"nonce"`   // null: about none, or about several, which detail names
	Request   string    `json:"request"` // payment id
	Detail    string    `json:"detail"`
	At        time.Time `json:"at"`
}

// Read reads the report of the newest restore.
func Read(ctx context.Context, db store.DB) (r Report, err error) {
	err = db.View(ctx, func(rd store.Reader) (err error) {
		r, err = ReadIn(ctx, rd)
		return err
	})
	return r, storefault.Of(err, "read the report of a restore")
}

// ReadIn is Read in somebody's transaction.
func ReadIn(ctx context.Context, r store.Reader) (Report, error) {
	all, err := r.Restores(ctx)
	if err != nil {
		return Report{}, err
	}
	if len(all) == 0 {
		return Report{}, neverRestored()
	}
	x := all[0]
	rep := Report{
		ID: x.ID, State: Unfinished, At: x.At.UTC(), CutOff: x.TakenAt.UTC(), Digest: x.Digest, By: x.Actor, ExaminedAt: orNull(x.ExaminedAt), AcceptedAt: orNull(x.AcceptedAt),
		AcceptedBy: x.AcceptedBy, Reason: x.Reason, Differences: []Difference{},
	}
	ds, err := r.Differences(ctx, x.ID)
	if err != nil {
		return rep, err
	}
	sortDifferences(ds)
	rep.Counts = count(ds)
	for _, d := range ds {
		rep.Differences = append(rep.Differences, Difference{d.Kind, d.ChainType, d.ChainID, d.Address, d.Nonce, d.Payment, d.Detail, d.At.UTC()})
	}
	rep.judge(x)
	backlog, err := r.Backlog(ctx)
	for _, b := range backlog {
		if b.State == store.WithdrawalHeld {
			rep.StillHeld += b.Count
		}
	}
	return rep, err
}

// judge says whether it can be accepted.
func (r *Report) judge(x store.Restore) {
	switch {
	case !x.AcceptedAt.IsZero():
		r.State, r.WhyNot = Accepted, "it is accepted"
	case x.ExaminedAt.IsZero():
		r.WhyNot = "the examination has not come to its end: coffer restore --continue"
	default:
		r.State = Paused
		switch {
		case r.Counts[Conflict] > 0:
			r.WhyNot = "there are conflicts"
		case r.Counts[ChainUnknown]+r.Counts[SignerUnknown] > 0:
			r.WhyNot = "a chain or a signing machine could not be asked"
		default:
			r.CanAccept = true
		}
	}
}

func count(ds []store.Difference) map[string]int {
	n := map[string]int{}
	for _, d := range ds {
		n[d.Kind]++
	}
	return n
}

func sortDifferences(ds []store.Difference) {
	place := map[string]int{}
	for i, k := range Kinds {
		place[k] = i
	}
	slices.SortFunc(ds, func(a, b store.Difference) int {
		return cmp.Or(cmp.Compare(place[a.Kind], place[b.Kind]), cmp.Compare(a.ChainType, b.ChainType), cmp.Compare(a.ChainID, b.ChainID),
			cmp.Compare(a.Address, b.Address), cmp.Compare(number(a.Nonce), number(b.Nonce)), cmp.Compare(a.Payment, b.Payment), cmp.Compare(a.Subject, b.Subject))
	})
}

func number(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
