package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/auditlog"
	"coffer.internal/internal/store"
)

// partSize is how many bytes of a table are held before they are written.
const partSize = 1 << 20

// Options are what a backup is made of; all but Config are required.
type Options struct {
	DB         store.DB
	Signer     note.Signer     // the audit key
	Recipients []age.Recipient // who can open it
	Config     []byte          // coffer.toml as it is; nil: there is none
	Host       string
	Version    string
}

// Write writes a backup of the whole ledger as it is at one moment. Others go on writing meanwhile. Only when it returns without an error
// is what was written of any use.
func Write(ctx context.Context, w io.Writer, o Options) (m Manifest, err error) {
	head := Head{Format: format, Host: o.Host, Version: o.Version}
	if head.Ledger, err = o.DB.Ledger(ctx); err != nil {
		return m, err
	}
	if head.Schema, err = newest(ctx, o.DB); err != nil {
		return m, err
	}
	sealed, err := age.Encrypt(w, o.Recipients...)
	if err != nil {
		return m, fmt.Errorf("seal the backup: %w", err)
	}
	zip, err := gzip.NewWriterLevel(sealed, gzip.BestSpeed)
	if err != nil {
		return m, err
	}
	archive := tar.NewWriter(zip)
	err = o.DB.View(ctx, func(r store.Reader) error {
		d := &dump{archive: archive, r: r, m: Manifest{Head: head}, devices: map[string]uint64{}}
		err := d.write(ctx, o)
		m = d.m
		return err
	})
	if err != nil {
		return Manifest{}, err
	}
	if err := errors.Join(archive.Close(), zip.Close(), sealed.Close()); err != nil {
		return Manifest{}, fmt.Errorf("seal the backup: %w", err)
	}
	return m, nil
}

// newest is the newest migration of a database.
func newest(ctx context.Context, db store.DB) (version int64, err error) {
	all, err := db.Migrations(ctx)
	for _, m := range all {
		if m.Applied {
			version = max(version, m.Version)
		}
	}
	return version, err
}

// dump is one writing of an archive.
type dump struct {
	archive *tar.Writer
	r       store.Reader
	m       Manifest
	devices map[string]uint64
}

func (d *dump) write(ctx context.Context, o Options) (err error) {
	if d.m.TakenAt, err = d.r.Now(ctx); err != nil {
		return err
	}
	for _, t := range store.Tables() {
		l := Layout{Table: t.Name}
		for _, c := range t.Columns {
			l.Columns = append(l.Columns, c.Name)
		}
		d.m.Layout = append(d.m.Layout, l)
	}
	if _, err := d.document(headName, d.m.Head); err != nil {
		return err
	}
	if o.Config != nil {
		sum := sha256.Sum256(o.Config)
		d.m.Config = hex.EncodeToString(sum[:])
		if err := d.entry(configName, o.Config); err != nil {
			return err
		}
	}
	for _, t := range store.Tables() {
		if err := d.table(ctx, t); err != nil {
			return err
		}
	}
	return d.finish(ctx, o.Signer)
}

// finish writes what was written, and signs it.
func (d *dump) finish(ctx context.Context, signer note.Signer) (err error) {
	if d.m.Audit, err = auditHead(ctx, d.r); err != nil {
		return err
	}
	for _, device := range slices.Sorted(maps.Keys(d.devices)) {
		d.m.Devices = append(d.m.Devices, Device{device, d.devices[device]})
	}
	sum, err := d.document(manifestName, d.m)
	if err != nil {
		return err
	}
	text, err := note.Sign(&note.Note{Text: signedText(signer.Name(), sum)}, signer)
	if err != nil {
		return fmt.Errorf("sign the manifest: %w", err)
	}
	d.m.Digest, d.m.SignedBy = hex.EncodeToString(sum[:]), keyName(signer)
	return d.entry(sigName, text)
}

// signedText is what is signed of a manifest. It can be no checkpoint: those have a size in their second line.
func signedText(name string, manifest [sha256.Size]byte) string {
	return name + " backup\nsha256 " + base64.StdEncoding.EncodeToString(manifest[:]) + "\n"
}

// keyName tells keys of one name apart.
func keyName(k interface {
	Name() string
	KeyHash() uint32
}) string {
	return fmt.Sprintf("%s+%08x", k.Name(), k.KeyHash())
}

func auditHead(ctx context.Context, r store.Reader) (a Audit, err error) {
	if a.Size, err = r.AuditSize(ctx); err != nil || a.Size == 0 {
		return a, err
	}
	root, err := tlog.TreeHash(a.Size, auditlog.Nodes(ctx, r))
	if err != nil {
		return a, err
	}
	c, _, err := r.LastAuditCheckpoint(ctx)
	a.Root, a.Checkpoint = root.String(), c.Note
	return a, err
}

// document writes an entry of JSON, and gives its hash.
func (d *dump) document(name string, v any) (sum [sha256.Size]byte, err error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return sum, err
	}
	text = append(text, '\n')
	return sha256.Sum256(text), d.entry(name, text)
}

func (d *dump) entry(name string, b []byte) error {
	err := d.archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), Format: tar.FormatPAX, ModTime: d.m.TakenAt})
	if err != nil {
		return err
	}
	_, err = d.archive.Write(b)
	return err
}

// table writes a table's parts.
func (d *dump) table(ctx context.Context, t store.Table) error {
	p := parts{d: d, name: t.Name, hash: sha256.New()}
	sum := Sum{Name: t.Name}
	err := d.r.ReadTable(ctx, t, func(row []any) error {
		sum.Rows++
		d.note(t, row)
		return p.add(row)
	})
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		return fmt.Errorf("back up table %s: %w", t.Name, err)
	}
	sum.SHA256 = hex.EncodeToString(p.hash.Sum(nil))
	d.m.Tables = append(d.m.Tables, sum)
	return nil
}

// note takes from a row what the manifest says of it.
func (d *dump) note(t store.Table, row []any) {
	value := func(column string) any { return row[t.Column(column)] }
	switch t.Name {
	case "internal_wallets":
		c := Cursor{Address: value("address").(string), ChainType: value("chain_type").(string)}
		c.ID, c.ChainID, c.Nonce = value("id").(int64), value("chain_id").(int64), uint64(value("nonce").(int64))
		d.m.Wallets = append(d.m.Wallets, c)
	case "attempts":
		if device, ok := value("receipt_device").(string); ok {
			seq, _ := value("receipt_seq").(int64)
			d.devices[device] = max(d.devices[device], uint64(seq))
		}
	}
}

// parts are the lines of a table on their way into the archive.
type parts struct {
	d    *dump
	name string
	hash hash.Hash
	n    int
	b    []byte
}

func (p *parts) add(row []any) (err error) {
	if p.b, err = appendRow(p.b, row); err != nil || len(p.b) < partSize {
		return err
	}
	return p.flush()
}

func (p *parts) flush() error {
	if len(p.b) == 0 {
		return nil
	}
	p.n++
	_, _ = p.hash.Write(p.b) // never fails
	err := p.d.entry(partName(p.name, p.n), p.b)
	p.b = p.b[:0]
	return err
}

func partName(table string, n int) string { return fmt.Sprintf("tables/%s/%06d.ndjson", table, n) }
