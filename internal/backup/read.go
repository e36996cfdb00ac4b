package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"
	"slices"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

const (
	// mostOfEntry is the size of the largest entry of the archive that is read, in bytes. Parts have one megabyte, and one row more.
	mostOfEntry = 64 << 20
	// mostAfter is what may follow the archive: the zeros that fill its last block.
	mostAfter = 64 << 10
)

// Source is where a backup is read from.
type Source struct {
	// Open opens the file anew.
	Open       func() (io.ReadCloser, error)
	Identities []age.Identity
	// Keys are those of which one must have signed the manifest.
	Keys []note.Verifier
	// Home is the audit key of whoever reads, and counts if Keys has none. Without one too, the backup is refused, but for AnySigner.
	Home ed25519.PublicKey
	// AnySigner: the signature is not looked at. Whoever knows the recipients' public keys could have made the backup.
	AnySigner bool
}

// KeysOf are the keys of which one must have signed a backup of a ledger.
func (s Source) KeysOf(ledger string) ([]note.Verifier, error) {
	if len(s.Keys) > 0 || s.Home == nil {
		return s.Keys, nil
	}
	text, err := auditlog.VerifierKey(ledger, s.Home)
	if err != nil {
		return nil, err
	}
	own, err := auditlog.ParseVerifier(text)
	return []note.Verifier{own}, err
}

// Into is where what stands in a backup goes to. What is nil is not wanted. An error of one ends the reading and is returned.
type Into struct {
	Config func([]byte) error // coffer.toml, if there is one
	Rows   store.Put
}

// Read reads a backup whole and checks all of it. Schema is the newest migration that this program knows. Only when Read returns without an
// error is what it gave out of any use.
func (s Source) Read(schema int64, into Into) (m Manifest, err error) {
	if len(s.Keys) == 0 && s.Home == nil && !s.AnySigner {
		return m, fault.New(fault.Usage, "no_key", "--key with what `coffer audit key` printed on the ledger that the backup is of",
			"there is no key to check the backup's signature with: whoever knows its recipients could have made it")
	}
	file, err := s.Open()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	u, err := unseal(file, s.Identities)
	if err != nil {
		return m, err
	}
	r := &reading{Source: s, schema: schema, into: into}
	err = r.all(u)
	switch {
	case u.err != nil:
		return Manifest{}, u.fault()
	case err != nil:
		return Manifest{}, err
	}
	return r.m, nil
}

// reading is one reading of an archive.
type reading struct {
	Source
	schema int64
	into   Into

	head     Head
	config   string // hash of coffer.toml
	sums     []Sum
	hash     hash.Hash // of the table that is being read
	part     int       // of it
	manifest [sha256.Size]byte
	m        Manifest
	signed   bool
}

// altered is a backup whose seal is right, and which is not what coffer wrote.
func altered(format string, args ...any) error {
	return fault.New(fault.Refused, "backup_altered", another, "the backup is not what was written: "+format, args...)
}

func (r *reading) all(u io.Reader) error {
	zip, err := gzip.NewReader(u)
	if err != nil {
		return altered("%v", err)
	}
	zip.Multistream(false)
	archive := tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return altered("%v", err)
		}
		if h.Size > mostOfEntry {
			return altered("%s has %d bytes", h.Name, h.Size)
		}
		b, err := io.ReadAll(archive)
		if err != nil {
			return altered("%v", err)
		}
		if err := r.entry(h.Name, b); err != nil {
			return err
		}
	}
	if !r.signed {
		return altered("it has no manifest with a signature")
	}
	// The seal vouches for the end of the file only when it was read.
	for _, rest := range []io.Reader{zip, u} {
		n, err := io.Copy(io.Discard, io.LimitReader(rest, mostAfter))
		if err != nil {
			return altered("its end: %v", err)
		}
		if n == mostAfter {
			return altered("something follows its end")
		}
	}
	return nil
}

// entry takes one entry of the archive. Each has its place.
func (r *reading) entry(name string, b []byte) error {
	switch {
	case r.signed:
		return altered("%q follows its signature", name)
	case r.head.Format == "":
		return r.begin(name, b)
	case name == configName && r.config == "" && len(r.sums) == 0 && r.hash == nil:
		sum := sha256.Sum256(b)
		r.config = hex.EncodeToString(sum[:])
		if r.into.Config != nil {
			return r.into.Config(b)
		}
		return nil
	case name == manifestName && r.m.Format == "":
		return r.end(b)
	case name == sigName && r.m.Format != "":
		return r.signature(b)
	case r.m.Format == "":
		return r.rows(name, b)
	}
	return altered("%q is out of place", name)
}

// begin reads the head, and refuses what this program does not know.
func (r *reading) begin(name string, b []byte) error {
	if name != headName {
		return altered("it begins with %q", name)
	}
	var h Head
	if err := json.Unmarshal(b, &h); err != nil {
		return altered("its head: %v", err)
	}
	if h.Format != format || h.Schema > r.schema {
		return fault.New(fault.Refused, "backup_newer", "use the coffer that wrote it, or a newer one; `coffer version` shows which one this is",
			"the backup is newer than this program: it has format %s and migration %d, written by coffer %s; this one knows %s and %d",
			h.Format, h.Schema, h.Version, format, r.schema)
	}
	keys, err := r.KeysOf(h.Ledger)
	if err != nil {
		return altered("its ledger: %v", err)
	}
	if origin := auditlog.Origin(h.Ledger); len(keys) > 0 && !slices.ContainsFunc(keys, func(k note.Verifier) bool { return k.Name() == origin }) {
		return fault.New(fault.Refused, "other_ledger", "name the backup of that ledger, or the key of the ledger that it is of",
			"the backup is of %s, and the key is that of %s", origin, keys[0].Name())
	}
	r.head, r.Keys = h, keys
	return nil
}

// rows takes one part of a table.
func (r *reading) rows(name string, b []byte) error {
	if r.hash == nil || name != partName(r.table().Table, r.part+1) {
		if err := r.next(name); err != nil {
			return err
		}
	}
	l := r.table()
	t, err := tableOf(l)
	if err != nil {
		return err
	}
	r.part++
	_, _ = r.hash.Write(b) // never fails
	var rows [][]any
	for line := range bytes.Lines(b) {
		row, err := parseRow(line, t)
		if err != nil {
			return altered("row %d of %s: %v", r.sums[len(r.sums)-1].Rows+1, t.Name, err)
		}
		r.sums[len(r.sums)-1].Rows++
		rows = append(rows, row)
	}
	if r.into.Rows != nil {
		return r.into.Rows(t, rows)
	}
	return nil
}

// table is the one that is being read.
func (r *reading) table() Layout { return r.head.Layout[len(r.sums)-1] }

// next goes on to the table that a part is the first of; those between have no rows. name "" is the end.
func (r *reading) next(name string) error {
	r.closeTable()
	for len(r.sums) < len(r.head.Layout) {
		r.sums = append(r.sums, Sum{Name: r.head.Layout[len(r.sums)].Table})
		r.hash, r.part = sha256.New(), 0
		if name == partName(r.table().Table, 1) {
			return nil
		}
		r.closeTable()
	}
	if name != "" {
		return altered("%q is out of place", name)
	}
	return nil
}

func (r *reading) closeTable() {
	if r.hash != nil {
		r.sums[len(r.sums)-1].SHA256 = hex.EncodeToString(r.hash.Sum(nil))
	}
	r.hash = nil
}

// tableOf is a table as this program knows it, with the columns that a backup has of it.
func tableOf(l Layout) (store.Table, error) {
	all := store.Tables()
	i := slices.IndexFunc(all, func(t store.Table) bool { return t.Name == l.Table })
	if i < 0 {
		return store.Table{}, altered("it has a table %q", l.Table)
	}
	t := all[i]
	known := t
	t.Columns = nil
	for _, name := range l.Columns {
		c := known.Column(name)
		if c < 0 {
			return store.Table{}, altered("table %s has a column %q", l.Table, name)
		}
		t.Columns = append(t.Columns, known.Columns[c])
	}
	return t, nil
}

// end compares what was read with the manifest.
func (r *reading) end(b []byte) error {
	if err := r.next(""); err != nil {
		return err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return altered("its manifest: %v", err)
	}
	switch {
	case !reflect.DeepEqual(m.Head, r.head):
		return altered("its head is not that of its manifest")
	case m.Config != r.config:
		return altered("%s is not that of its manifest", configName)
	case !slices.Equal(m.Tables, r.sums):
		return altered("its tables are not those of its manifest")
	}
	r.m, r.manifest = m, sha256.Sum256(b)
	r.m.Digest = hex.EncodeToString(r.manifest[:])
	return nil
}

// signature wants one of the keys to have signed the manifest.
func (r *reading) signature(b []byte) error {
	r.signed = true
	if len(r.Keys) == 0 {
		return nil
	}
	n, err := note.Open(b, note.VerifierList(r.Keys...))
	if err != nil || n.Sigs[0].Name != auditlog.Origin(r.head.Ledger) || n.Text != signedText(n.Sigs[0].Name, r.manifest) {
		return fault.New(fault.Refused, "backup_unsigned", "if another daemon has a key of its own, name that too with --key",
			"the backup's manifest is signed by none of the keys that were given")
	}
	r.m.SignedBy = fmt.Sprintf("%s+%08x", n.Sigs[0].Name, n.Sigs[0].Hash)
	return nil
}
