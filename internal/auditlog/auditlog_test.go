package auditlog_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

func TestWhatIsAsItWasSealedVerifies(t *testing.T) {
	onBoth(t, func(w *world) {
		w.history()
		w.write(3, "not sealed yet")
		v := w.verify()
		if len(v.Findings) != 0 || v.Entries < 40 || v.Against != 16 || v.Unsealed != 3 || v.Oldest.IsZero() {
			w.Errorf("%+v", v)
		}
		if len(w.kept) != 8 || w.kept[7].Size != v.Entries {
			w.Errorf("of %d entries the checkpoints are %+v", v.Entries, w.kept)
		}
	})
}

// What anybody can do to the database is found, and it is said at which entry.
func TestEachWayToTamperIsFoundAndLocated(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *world)
		want []string // kind entry
	}{
		"edit": {func(w *world) {
			w.exec(fmt.Sprintf("UPDATE audit_log SET reason = 'nothing to see' WHERE id = %d", w.rowAt(17)))
		}, []string{"edited 17"}},
		"delete": {func(w *world) {
			w.exec(fmt.Sprintf("DELETE FROM audit_log WHERE id = %d", w.rowAt(17)))
		}, []string{"deleted 17"}},
		"delete the entry as well": {func(w *world) {
			id := w.rowAt(17)
			w.exec(fmt.Sprintf("DELETE FROM audit_entries WHERE audit_id = %d", id))
			w.exec(fmt.Sprintf("DELETE FROM audit_log WHERE id = %d", id))
		}, []string{"deleted 17"}},
		"insert": {func(w *world) {
			w.exec(strings.Replace(insertRow, "'new'", "'by hand'", 1))
		}, []string{"inserted -1"}},
		"reorder": {func(w *world) {
			a, b := w.rowAt(17), w.rowAt(23)
			w.exec(fmt.Sprintf("UPDATE audit_entries SET audit_id = -1 WHERE audit_id = %d", a))
			w.exec(fmt.Sprintf("UPDATE audit_entries SET audit_id = %d WHERE audit_id = %d", a, b))
			w.exec(fmt.Sprintf("UPDATE audit_entries SET audit_id = %d WHERE audit_id = -1", b))
		}, []string{"reordered 17", "reordered 23"}},
		"truncate":            {func(w *world) { w.cut(30) }, []string{"truncated 30"}},
		"truncate to nothing": {func(w *world) { w.cut(0) }, []string{"truncated 0"}},
		"write all anew": {func(w *world) {
			id := w.rowAt(17)
			w.exec(fmt.Sprintf("UPDATE audit_log SET reason = 'nothing to see' WHERE id = %d", id))
			w.reseal(w.kept)
		}, []string{"unsigned -1", "replaced 15"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				for w.size() < 15 { // what the migration itself may have written comes first
					w.write(int(15-w.size()), "first")
					w.seal()
				}
				w.history()
				if v := w.verify(); len(v.Findings) > 0 {
					w.Fatalf("before: %+v", v.Findings)
				}
				w.disarm()
				c.do(w)
				var got []string
				for _, f := range w.verify().Findings {
					if text := fmt.Sprintf("%s %d", f.Kind, f.Entry); !slices.Contains(got, text) {
						got = append(got, text)
					}
				}
				if !slices.Equal(got, c.want) {
					w.Errorf("found %q, want %q", got, c.want)
				}
			})
		})
	}
}

const insertRow = `INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason)
	VALUES ('2026-11-25T00:00:00.000000Z', 'me', 'wallet.create', '0xa', '', 'new', 'done', '')`

func (w *world) size() (n int64) {
	w.Helper()
	err := w.db.View(w.Context(), func(r store.Reader) error {
		tree, err := r.AuditTree(w.Context())
		if err != nil {
			return err
		}
		if n, err = r.AuditSize(w.Context()); n != tree.Size {
			w.Errorf("the tree has %d entries, and %d", n, tree.Size)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// cut puts the database back to where it had so many entries.
func (w *world) cut(entries int64) {
	w.exec(fmt.Sprintf("DELETE FROM audit_log WHERE id IN (SELECT audit_id FROM audit_entries WHERE entry >= %d)", entries))
	w.exec(fmt.Sprintf("DELETE FROM audit_entries WHERE entry >= %d", entries))
	w.exec(fmt.Sprintf("DELETE FROM audit_nodes WHERE node >= %d", 2*entries)) // at least that many are there
	w.exec(fmt.Sprintf("DELETE FROM audit_checkpoints WHERE size > %d", entries))
}

// reseal is an intruder who has all but the key: he makes the whole tree anew, at the same sizes.
func (w *world) reseal(sizes []auditlog.Checkpoint) {
	var ids []int64
	for e := range w.size() {
		ids = append(ids, w.rowAt(e))
	}
	for _, table := range []string{"audit_entries", "audit_nodes", "audit_checkpoints"} {
		w.exec("DELETE FROM " + table)
	}
	theirs := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))
	done := int64(0)
	for _, c := range sizes {
		for ; done < c.Size; done++ {
			w.exec(fmt.Sprintf("INSERT INTO audit_unsealed (audit_id) VALUES (%d)", ids[done]))
		}
		if err := w.sealer(theirs, nil).All(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
}

// An auditor has a checkpoint and the public key, and nothing else.
func TestARowIsProvenToWhoeverHoldsACheckpoint(t *testing.T) {
	onBoth(t, func(w *world) {
		w.history()
		held, other := w.kept[4], w.kept[5]
		id := w.rowAt(7)
		for _, at := range []*auditlog.Checkpoint{nil, &held} {
			proof, err := auditlog.Prove(w.Context(), w.db, id, at)
			if err != nil {
				w.Fatal(err)
			}
			p, err := auditlog.CheckProof(proof, at, w.public)
			if err != nil || p.Entry != 7 || p.Row.ID != id || p.Row.After != `<hot> & "new"` {
				w.Errorf("%+v, %v", p, err)
			}
			if _, err := auditlog.CheckProof(proof, &other, w.public); !errors.Is(err, fault.Refused) {
				w.Errorf("proof for another checkpoint: %v", err)
			}
			if _, err := auditlog.CheckProof(proof, at, verifier(w.T, ed25519.NewKeyFromSeed(make([]byte, 32)))); !errors.Is(err, fault.Usage) {
				w.Errorf("proof with another key: %v", err)
			}
			changed := 0
			for i := range proof { // whatever is changed in it, it proves no other row
				bad := bytes.Clone(proof)
				bad[i] ^= 1
				if p, err := auditlog.CheckProof(bad, at, w.public); err == nil && (p.Row != mustProven(w, proof, at).Row || p.Entry != 7) {
					changed++
				}
			}
			if changed > 0 {
				w.Errorf("%d changed proofs prove something else", changed)
			}
		}
		if _, err := auditlog.Prove(w.Context(), w.db, w.rowAt(w.kept[4].Size), &held); !errors.Is(err, fault.Refused) {
			w.Errorf("proof of a later row: %v", err)
		}
		if _, err := auditlog.Prove(w.Context(), w.db, 4711, nil); !errors.Is(err, fault.NotFound) {
			w.Errorf("proof of no row: %v", err)
		}
	})
}

func mustProven(w *world, proof []byte, at *auditlog.Checkpoint) auditlog.Proven {
	p, err := auditlog.CheckProof(proof, at, w.public)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// Two sealers at once make one tree.
func TestSealersBesideEachOtherMakeOneTree(t *testing.T) {
	onBoth(t, func(w *world) {
		done := make(chan error)
		for range 4 {
			s := w.sealer(w.key, nil)
			go func() {
				for range 20 {
					if err := s.All(w.Context()); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for i := range 20 {
			w.write(3, fmt.Sprint("row ", i))
		}
		for range 4 {
			if err := <-done; err != nil {
				w.Error(err)
			}
		}
		w.seal()
		if v := w.verify(); len(v.Findings) > 0 || v.Unsealed > 0 || v.Entries < 60 {
			w.Errorf("%+v", v)
		}
	})
}

func TestAFileOfCheckpointsIsReadWhole(t *testing.T) {
	onBoth(t, func(w *world) {
		w.history()
		var file bytes.Buffer
		for _, c := range w.kept {
			file.Write(c.Note)
			file.WriteByte('\n')
		}
		got, err := auditlog.OpenCheckpoints(file.Bytes(), w.public)
		if err != nil || len(got) != 8 || got[7].Root != w.kept[7].Root {
			w.Errorf("%d checkpoints, %v", len(got), err)
		}
		for name, bad := range map[string][]byte{
			"nothing": nil, "half a one": w.kept[0].Note[:40], "another root": bytes.Replace(w.kept[0].Note, []byte("\n5\n"), []byte("\n6\n"), 1),
		} {
			if name == "another root" && bytes.Equal(bad, w.kept[0].Note) {
				continue
			}
			if _, err := auditlog.OpenCheckpoints(bad, w.public); !errors.Is(err, fault.Usage) {
				w.Errorf("%s: %v", name, err)
			}
		}
	})
}
