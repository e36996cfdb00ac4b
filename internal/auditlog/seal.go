package auditlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/store"
)

const (
	// Every is how often the sealer looks for rows. What was committed less than that ago is not sealed yet.
	Every = time.Second
	// rowsAtOnce is how many rows get into the tree in one transaction.
	rowsAtOnce = 5000
)

// Sealer puts committed audit rows into the tree and signs its head. Several may run on one database: who is later than another finds the
// tree grown, and looks again.
type Sealer struct {
	DB     store.DB
	Signer note.Signer
	Log    *slog.Logger
	// Publish is given each checkpoint after it is committed; its error is logged, and undoes nothing.
	Publish func(Checkpoint) error
}

// Run seals until ctx ends. At the end it seals once more what is left, within the time of last.
func (s *Sealer) Run(ctx context.Context, last time.Duration) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	var told error
	for ctx.Err() == nil {
		if err := s.All(ctx); err != nil && ctx.Err() == nil && (told == nil || told.Error() != err.Error()) {
			s.Log.Error("audit rows could not be sealed; it is tried again", "error", err)
			told = err
		} else if err == nil {
			told = nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
	defer cancel()
	if err := s.All(ctx); err != nil {
		s.Log.Warn("the last audit rows are not sealed yet: the next daemon does so", "error", err)
	}
}

// All seals until no committed row waits.
func (s *Sealer) All(ctx context.Context) error {
	for {
		n, err := s.Pass(ctx)
		if err != nil || n < rowsAtOnce {
			return err
		}
	}
}

// Pass seals some rows and says how many.
func (s *Sealer) Pass(ctx context.Context) (int, error) {
	seal, c, err := s.prepare(ctx)
	if err != nil || len(seal.Rows) == 0 {
		return 0, err
	}
	err = s.DB.Update(ctx, func(tx store.Tx) error { return tx.Seal(ctx, seal) })
	if errors.Is(err, store.ErrStale) {
		return 0, nil // another sealer was faster
	}
	if err != nil {
		return 0, fmt.Errorf("seal %d audit rows: %w", len(seal.Rows), err)
	}
	if s.Publish != nil {
		if err := s.Publish(c); err != nil {
			s.Log.Error("a checkpoint of the audit log could not be written; it is in the database", "size", c.Size, "error", err)
		}
	}
	return len(seal.Rows), nil
}

// prepare reads what waits and makes entries, nodes and the checkpoint of it.
func (s *Sealer) prepare(ctx context.Context) (seal store.AuditSeal, c Checkpoint, err error) {
	err = s.DB.View(ctx, func(r store.Reader) error {
		from, err := r.AuditSize(ctx)
		if err != nil {
			return err
		}
		rows, err := r.Unsealed(ctx, rowsAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		seal = store.AuditSeal{From: from, FirstNode: tlog.StoredHashCount(from)}
		nodes := &growing{Reader: Nodes(ctx, r), first: seal.FirstNode}
		for i, a := range rows {
			more, err := tlog.StoredHashesForRecordHash(from+int64(i), leaf(a), nodes)
			if err != nil {
				return err
			}
			nodes.fresh = append(nodes.fresh, more...)
			seal.Rows = append(seal.Rows, a.ID)
		}
		size := from + int64(len(rows))
		root, err := tlog.TreeHash(size, nodes)
		if err != nil {
			return err
		}
		for _, h := range nodes.fresh {
			seal.Nodes = append(seal.Nodes, h[:])
		}
		text, err := signCheckpoint(s.Signer, size, root)
		seal.Note, c = string(text), Checkpoint{Origin: s.Signer.Name(), Size: size, Root: root, Note: text}
		return err
	})
	if err != nil {
		return seal, c, fmt.Errorf("read what is to be sealed: %w", err)
	}
	return seal, c, nil
}

// Nodes reads the tree's nodes from the database.
func Nodes(ctx context.Context, r store.Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		if len(indexes) == 0 {
			return nil, nil
		}
		all, err := r.AuditNodes(ctx, indexes)
		if err != nil {
			return nil, err
		}
		hashes := make([]tlog.Hash, len(all))
		for i, h := range all {
			hashes[i] = tlog.Hash(h)
		}
		return hashes, nil
	})
}

// growing are the tree's nodes with those that are not written yet.
type growing struct {
	Reader tlog.HashReader
	first  int64 // the number of the first fresh one
	fresh  []tlog.Hash
}

// ReadHashes reads nodes in the order of the numbers.
func (g *growing) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var old []int64
	for _, i := range indexes {
		if i < g.first {
			old = append(old, i)
		}
	}
	read, err := g.Reader.ReadHashes(old)
	if err != nil {
		return nil, err
	}
	all := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		if i < g.first {
			all[n], read = read[0], read[1:]
		} else {
			all[n] = g.fresh[i-g.first]
		}
	}
	return all, nil
}
