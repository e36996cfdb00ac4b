package auditlog

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/fault"
)

// Checkpoint is the head of a log at a size, as somebody signed it.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Note   []byte // the signed note
}

func signCheckpoint(s note.Signer, size int64, root tlog.Hash) ([]byte, error) {
	body := log.Checkpoint{Origin: s.Name(), Size: uint64(size), Hash: root[:]}.Marshal()
	return note.Sign(&note.Note{Text: string(body)}, s)
}

// OpenCheckpoint verifies a checkpoint's signature with one of the keys, and that it is of the log that this key is for.
func OpenCheckpoint(text []byte, keys ...note.Verifier) (Checkpoint, error) {
	n, err := note.Open(text, note.VerifierList(keys...))
	if err != nil {
		return Checkpoint{}, badCheckpoint("its signature is not of a key that was given: " + err.Error())
	}
	var c log.Checkpoint
	if rest, err := c.Unmarshal([]byte(n.Text)); err != nil || len(rest) > 0 || len(c.Hash) != tlog.HashSize || c.Size == 0 || c.Size > 1<<60 {
		return Checkpoint{}, badCheckpoint("it has not the three lines of one: origin, size, root hash")
	}
	if c.Origin != n.Sigs[0].Name {
		return Checkpoint{}, badCheckpoint(fmt.Sprintf("it is of %q, and signed by %q", c.Origin, n.Sigs[0].Name))
	}
	return Checkpoint{Origin: c.Origin, Size: int64(c.Size), Root: tlog.Hash(c.Hash), Note: text}, nil
}

func badCheckpoint(why string) error {
	return fault.New(fault.Usage, "bad_checkpoint", "give a checkpoint that `coffer run` or `coffer audit checkpoint` wrote, and the key of that log", "this is no checkpoint: %s", why)
}

// OpenCheckpoints reads a file of checkpoints, one after the other, as the sealer writes them. Each must be good.
func OpenCheckpoints(file []byte, keys ...note.Verifier) ([]Checkpoint, error) {
	var all []Checkpoint
	for _, text := range splitNotes(file) {
		c, err := OpenCheckpoint(text, keys...)
		if err != nil {
			return nil, fmt.Errorf("checkpoint %d: %w", len(all)+1, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, badCheckpoint("the file is empty")
	}
	return all, nil
}

// signature begins each signature line of a note: an em dash and a space.
const signature = "— "

// splitNotes finds the notes of a file: each ends with its last signature line.
func splitNotes(file []byte) [][]byte {
	var all [][]byte
	var one bytes.Buffer
	signed := false
	end := func() {
		if text := bytes.TrimLeft(one.Bytes(), "\n"); len(bytes.TrimSpace(text)) > 0 {
			all = append(all, bytes.Clone(text))
		}
		one.Reset()
		signed = false
	}
	for line := range strings.Lines(string(file)) {
		is := strings.HasPrefix(line, signature)
		if signed && !is {
			end()
		}
		signed = is
		one.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	end()
	return all
}
