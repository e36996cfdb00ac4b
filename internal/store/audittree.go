package store

import (
	"context"
	"time"
)

// AuditTree is how far the audit rows are in the Merkle tree (RFC 6962).
type AuditTree struct {
	Size     int64 // entries; the next one's number
	Unsealed int   // committed rows that are in no tree yet
	// OldestUnsealed is when the oldest of them was written; zero if there is none.
	OldestUnsealed time.Time
}

// AuditEntry is an entry of the tree with the row that it is about.
type AuditEntry struct {
	Entry int64
	RowID int64
	Row   *AuditRow // nil: the row is not there any more
}

// AuditCheckpoint is what was signed about the tree when it had Size entries.
type AuditCheckpoint struct {
	Size int64
	At   time.Time // set by the store
	Note string    // a signed note (golang.org/x/mod/sumdb/note)
}

// AuditSeal adds entries to the tree. Nodes are those from the tree's node count on, in order: 32 bytes each.
type AuditSeal struct {
	From      int64   // the Size that was read
	Rows      []int64 // ids of audit rows, of entry From and on
	FirstNode int64
	Nodes     [][]byte
	Note      string // of the checkpoint
}

// AuditTreeReader is the part of Reader that is about the tree.
type AuditTreeReader interface {
	// AuditTree looks at all rows that wait; AuditSize at the tree alone, and is what a sealer needs.
	AuditTree(ctx context.Context) (AuditTree, error)
	AuditSize(ctx context.Context) (int64, error)
	// Unsealed lists the rows that are in no tree yet, by id, at most limit.
	Unsealed(ctx context.Context, limit int) ([]AuditRow, error)
	// AuditNodes reads nodes of the tree, in the order of the numbers. ErrStale if one is not there.
	AuditNodes(ctx context.Context, nodes []int64) ([][]byte, error)
	// AuditEntries lists entries from a number on, at most limit.
	AuditEntries(ctx context.Context, from int64, limit int) ([]AuditEntry, error)
	// EntryOf finds the entry of an audit row.
	EntryOf(ctx context.Context, rowID int64) (entry int64, ok bool, err error)
	// Strays lists audit rows that are neither in the tree nor wait to be, by id, at most limit: nobody but an intruder makes such.
	Strays(ctx context.Context, limit int) ([]int64, error)
	// AuditCheckpoints lists the checkpoints whose size is at least from, smallest first, at most limit; 0: all.
	AuditCheckpoints(ctx context.Context, from int64, limit int) ([]AuditCheckpoint, error)
	// LastAuditCheckpoint is the one with the greatest size.
	LastAuditCheckpoint(ctx context.Context) (c AuditCheckpoint, ok bool, err error)
}

// AuditTreeWriter is the part of Tx that is about the tree.
type AuditTreeWriter interface {
	// Seal adds entries and their checkpoint. ErrStale if the tree has another size, or one of the rows does not wait.
	Seal(ctx context.Context, s AuditSeal) error
}
