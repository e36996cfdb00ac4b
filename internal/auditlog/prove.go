package auditlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// Prove writes the proof that an audit row is in the log: a C2SP tlog-proof whose extra data is the row itself. It is for the checkpoint
// that somebody holds, or for the newest one if at is nil.
func Prove(ctx context.Context, db store.DB, rowID int64, at *Checkpoint) ([]byte, error) {
	var p proof.TLogProof
	err := db.View(ctx, func(r store.Reader) error {
		entry, ok, err := r.EntryOf(ctx, rowID)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "not_sealed", "`coffer audit list` shows the ids; a row is sealed within a second while `coffer run` runs",
				"no audit row %d is in the log", rowID)
		}
		size, text, err := head(ctx, r, at)
		if err != nil {
			return err
		}
		if entry >= size {
			return fault.New(fault.Refused, "sealed_later", "give a later checkpoint, or none for the newest",
				"audit row %d is entry %d of the log, and the checkpoint has %d entries", rowID, entry, size)
		}
		entries, err := r.AuditEntries(ctx, entry, 1)
		if err != nil {
			return err
		}
		if len(entries) == 0 || entries[0].Row == nil {
			return fault.New(fault.Refused, "audit_tampered", "`coffer audit verify` says what else is not as it was sealed", "entry %d of the log has no row any more", entry)
		}
		hashes, err := tlog.ProveRecord(size, entry, Nodes(ctx, r))
		if err != nil {
			return fmt.Errorf("prove entry %d: %w", entry, err)
		}
		p = proof.TLogProof{Index: uint64(entry), Checkpoint: text, ExtraData: Encode(*entries[0].Row)}
		for _, h := range hashes {
			p.Hashes = append(p.Hashes, h)
		}
		return nil
	})
	return p.Marshal(), err
}

// head is the checkpoint that a proof is for.
func head(ctx context.Context, r store.Reader, at *Checkpoint) (size int64, text []byte, err error) {
	if at != nil {
		return at.Size, at.Note, nil
	}
	c, ok, err := r.LastAuditCheckpoint(ctx)
	if err == nil && !ok {
		err = errors.New("the log has no checkpoint")
	}
	return c.Size, []byte(c.Note), err
}

// Proven is what a proof shows.
type Proven struct {
	Entry      int64
	Row        store.AuditRow
	Checkpoint Checkpoint
}

// CheckProof verifies a proof with a log's public keys alone. With against, the proof must be for that very checkpoint.
func CheckProof(file []byte, against *Checkpoint, keys ...note.Verifier) (Proven, error) {
	var p proof.TLogProof
	if err := p.Unmarshal(file); err != nil {
		return Proven{}, badProof(err.Error())
	}
	c, err := OpenCheckpoint(p.Checkpoint, keys...)
	if err != nil {
		return Proven{}, err
	}
	if against != nil && (against.Size != c.Size || against.Root != c.Root || against.Origin != c.Origin) {
		return Proven{}, badProof(fmt.Sprintf("it is for the log of %d entries, root %s; the checkpoint that was given has %d entries, root %s",
			c.Size, c.Root, against.Size, against.Root))
	}
	a, err := Decode(p.ExtraData)
	if err != nil {
		return Proven{}, badProof(err.Error())
	}
	if p.Index >= uint64(c.Size) {
		return Proven{}, badProof(fmt.Sprintf("entry %d is not among the %d of the log", p.Index, c.Size))
	}
	hashes := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = h
	}
	if err := tlog.CheckRecord(hashes, c.Size, c.Root, int64(p.Index), leaf(a)); err != nil {
		return Proven{}, badProof(fmt.Sprintf("entry %d of the log is not this row", p.Index))
	}
	return Proven{Entry: int64(p.Index), Row: a, Checkpoint: c}, nil
}

func badProof(why string) error {
	return fault.New(fault.Refused, "bad_proof", "have the proof made again: `coffer audit prove ID`", "this proves nothing: %s", why)
}
