package journal

import (
	"fmt"
	"io"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// Snapshot is the journal as it is at one moment, whole, also while it is written to.
type Snapshot struct {
	Size   int64 // of the file that WriteTo writes, in bytes
	Counts Counts
	Device string
	Frozen bool
	tx     *bolt.Tx
}

// WriteTo writes the journal's file.
func (s Snapshot) WriteTo(w io.Writer) (int64, error) { return s.tx.WriteTo(w) }

// Snapshot shows the journal to use, which must be done with it when it returns.
func (j *Journal) Snapshot(use func(Snapshot) error) error {
	err := j.db.View(func(tx *bolt.Tx) error {
		return use(Snapshot{
			Size: tx.Size(), Counts: countsOf(tx), Device: string(tx.Bucket(meta).Get(metaDevice)), Frozen: tx.Bucket(meta).Get(metaFrozen) != nil, tx: tx,
		})
	})
	if err != nil {
		return fmt.Errorf("copy the journal: %w", err)
	}
	return nil
}

// Home is the folder that the journal lies in.
func (j *Journal) Home() string { return filepath.Dir(j.db.Path()) }
