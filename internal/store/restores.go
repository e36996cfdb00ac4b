package store

import (
	"context"
	"time"
)

// Restore is one putting back of this ledger from a backup. Until it is accepted the ledger is paused: it follows what is out, and
// does nothing else.
type Restore struct {
	ID      int64
	At      time.Time // when the rows were back; set by the store
	TakenAt time.Time // when the backup was taken: nothing is known here of what was done since, but from signing machine and chain
	Digest  string    // SHA-256 of the backup's manifest, hex
	Actor   string
	Cursors map[int64]uint64 // by wallet id, as they were in the backup

	ExaminedAt time.Time // when all was compared last with signing machine and chain; zero: that has not come to its end yet
	AcceptedAt time.Time // zero: the ledger is paused
	AcceptedBy string
	Reason     string // why it was accepted
}

// RestoreMark is what everybody has to know of the newest restore.
type RestoreMark struct {
	ID       int64     // 0: the ledger was never restored
	At       time.Time // when the rows were back
	TakenAt  time.Time // when the backup was taken
	Examined bool
	Paused   bool // it is not accepted yet
}

// FenceBase is below every fence of a nonce that is given after the restore, and above every one that was given before, also between the
// backup and its loss. So whoever holds a reservation that the backup did not know of is refused, though its nonce was given again. It
// has room for a million fences a second, and is a number that JSON holds.
func (m RestoreMark) FenceBase() int64 {
	if m.ID == 0 {
		return 0
	}
	return m.At.Unix() << 20
}

// Difference is something in which backup, signing machine and chain do not agree, and what became of it.
type Difference struct {
	Kind      string // a closed list, package restore's
	Subject   string // what it is about; once for each kind
	ChainType string // empty: about no chain
	ChainID   int64
	Address   string  // of the wallet; empty: about none
	Nonce     *uint64 // nil: about none
	Payment   string  // payment id; empty: about none
	Detail    string
	At        time.Time // set by the store
}

// RestoreReader is the part of Reader that is about restores.
type RestoreReader interface {
	// Restored is the newest restore, in one cheap look: each step of the engine takes it.
	Restored(ctx context.Context) (RestoreMark, error)
	// Restores lists them, newest first.
	Restores(ctx context.Context) ([]Restore, error)
	// Differences lists those of a restore, by kind and subject.
	Differences(ctx context.Context, restoreID int64) ([]Difference, error)
}

// RestoreWriter is the part of Tx that is about restores.
type RestoreWriter interface {
	// BeginRestore writes that the ledger was put back, and pauses it. Cursors are taken as the wallets have them.
	BeginRestore(ctx context.Context, r Restore) (Restore, error)
	// NoteDifferences writes differences. One whose kind and subject are there gets the new words.
	NoteDifferences(ctx context.Context, restoreID int64, ds []Difference) error
	// DropDifferences takes those of some kinds away: they are found out anew.
	DropDifferences(ctx context.Context, restoreID int64, kinds []string) error
	// FinishExamination writes that all was compared. ErrStale if the restore is accepted, or not the newest.
	FinishExamination(ctx context.Context, restoreID int64) error
	// ResumeHeld queues those of the payments that are held, and tells which they were, by id.
	ResumeHeld(ctx context.Context, payments []string) ([]string, error)
	// AcceptRestore ends the pause, and raises the fence of each free nonce above RestoreMark.FenceBase. ErrStale if the restore is
	// accepted, not examined, or not the newest.
	AcceptRestore(ctx context.Context, restoreID int64, by, reason string) error
}
