// Package backup writes a ledger into one sealed file while it is in use, and fills an empty ledger from such a file. The file says
// nothing of the database that it came from, so it is also the way from SQLite to PostgreSQL and back.
//
// # The file
//
// It is sealed with age (https://age-encryption.org/v1) for whoever is to open it; in that lies a tar archive, compressed by gzip. So
// without coffer, `age -d -i KEY FILE | tar xz` opens it. In this order it holds
//
//	head.json                    which ledger, when, with which tables and columns
//	coffer.toml                  the settings, if there are any; URLs in them may hold secrets
//	tables/NAME/000001.ndjson    rows, one a line: an array of their columns' values; further parts follow
//	manifest.json                what was written: rows and SHA-256 of each table, the audit tree's head, cursors, receipts
//	manifest.sig                 the audit key's signature over it, a signed note (golang.org/x/mod/sumdb/note)
//
// The manifest is last, so a file that was cut off has none. age alone vouches that nothing was changed on the way; that it is ours, and
// not made by somebody who knows the recipients' public keys, only the signature says.
//
// Values are JSON: numbers, text, true and false, bytes in base64, times as 2026-11-03T09:15:00.000000Z, NULL as null.
package backup

import (
	"time"
)

// format is what this program writes. It reads no other.
const format = "coffer-backup-1"

// The names of what the archive holds.
const (
	headName     = "head.json"
	configName   = "coffer.toml"
	manifestName = "manifest.json"
	sigName      = "manifest.sig"
)

// Head is what stands first in a backup.
type Head struct {
	Format  string    `json:"format"`
	Ledger  string    `json:"ledger"`   // id
	Schema  int64     `json:"schema"`   // the newest migration of the database
	TakenAt time.Time `json:"taken_at"` // by the store's clock: what was answered later is not in it
	Host    string    `json:"host"`     // that wrote it
	Version string    `json:"version"`  // of coffer there
	Layout  []Layout  `json:"layout"`   // the tables, in the order in which they follow
}

// Layout is the columns of a table, as the values stand in each of its lines.
type Layout struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// Manifest is what a backup holds.
type Manifest struct {
	Head
	Config  string   `json:"config_sha256"` // of coffer.toml; empty: there was none
	Tables  []Sum    `json:"tables"`
	Audit   Audit    `json:"audit"`
	Wallets []Cursor `json:"wallets"` // by id
	Devices []Device `json:"devices"` // by name

	Digest   string `json:"-"` // SHA-256 of the manifest as it stands in the file, hex: what names a backup
	SignedBy string `json:"-"` // the key that signed it, name and hash; empty: nobody's signature was asked for
}

// Sum is what a table had.
type Sum struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of its lines
}

// Audit is the head of the audit log's tree.
type Audit struct {
	Size       int64  `json:"size"`       // entries
	Root       string `json:"root"`       // hash, base64; empty if there are none
	Checkpoint string `json:"checkpoint"` // the last that was signed; empty: none
}

// Cursor is a wallet's next nonce.
type Cursor struct {
	ID        int64  `json:"id"`
	Address   string `json:"address"`
	ChainType string `json:"chain_type"`
	ChainID   int64  `json:"chain_id"`
	Nonce     uint64 `json:"nonce"`
}

// Device is a signing machine and the highest number of a receipt of its that is kept.
type Device struct {
	Device  string `json:"device"`
	Receipt uint64 `json:"highest_receipt"`
}

// Rows counts the rows of a table.
func (m Manifest) Rows(table string) int64 {
	for _, t := range m.Tables {
		if t.Name == table {
			return t.Rows
		}
	}
	return 0
}
