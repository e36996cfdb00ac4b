package journal

import (
	"context"
	"errors"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/groupcommit"
)

// change is what one caller does in a shared transaction. An error before it wrote anything fails only its caller; one after
// that fails them all, because half of a change must not be kept.
type change func(tx *bolt.Tx) (wrote bool, err error)

// write runs a change. When it returns nil, everything that the change wrote or read is on the disk.
func (j *Journal) write(ctx context.Context, c change) error {
	_, err := j.group.Do(ctx, c)
	return err
}

// commit writes the changes of all callers with one sync.
//
// Answers that are only repeated come through here as well. Outside the write lock, a reader sees what a commit has
// written before it is synced; and after a sync that failed, it sees what may never get to the disk. So after a failed
// commit nobody is answered until one succeeds: it syncs what the failed one may have left.
func (j *Journal) commit(changes []change) []groupcommit.Outcome[struct{}] {
	outcomes := make([]groupcommit.Outcome[struct{}], len(changes))
	err := j.apply(changes, outcomes)
	if err != nil {
		err = notWritten(err)
	} else if c := j.copy.Load(); c != nil {
		err = c.catchUp() // what is answered now, old answers too, is in the second copy by then
	}
	if err != nil {
		for i := range outcomes {
			outcomes[i].Err = errors.Join(outcomes[i].Err, err)
		}
	}
	return outcomes
}

func (j *Journal) apply(changes []change, outcomes []groupcommit.Outcome[struct{}]) error {
	tx, err := j.db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of no effect after a commit
	wrote := false
	for i, c := range changes {
		w, err := c(tx)
		wrote = wrote || w
		if err != nil && w {
			return err
		}
		outcomes[i].Err = err
	}
	if j.doubt {
		if err := bump(tx.Bucket(meta), metaRenewed, 1); err != nil {
			return err
		}
	} else if !wrote {
		return nil
	}
	err = tx.Commit()
	j.doubt = err != nil
	return err
}

func notWritten(err error) error {
	return fault.Wrap(err, fault.Unreachable, "journal_not_written",
		"make room on its disk, or make it writable; it goes on by itself", "the signing machine's journal cannot be written")
}
