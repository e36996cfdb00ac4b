package store

import (
	"context"
	"slices"
	"strings"
)

// Table describes a table of which every row belongs into a backup. Both databases have it with these columns.
type Table struct {
	Name    string
	Columns []Column
	Key     []string // the columns that rows are read by, in this order; no two rows have them equal
	Serial  string   // the column that the database numbers by itself; empty: none
}

// Column is one column and what stands in it, in the database's own spelling of that kind.
type Column struct {
	Name string
	Kind ColumnKind
}

// ColumnKind is what stands in a column: int64, string, []byte, time.Time (UTC, microseconds) or bool; nil where it is NULL.
type ColumnKind string

// The kinds of columns. Amounts are text.
const (
	ColumnInt   ColumnKind = "int"
	ColumnText  ColumnKind = "text"
	ColumnBytes ColumnKind = "bytes"
	ColumnTime  ColumnKind = "time"
	ColumnBool  ColumnKind = "bool"
)

// backedUp are the tables that a ledger is, each after those that it refers to. A new migration adds its tables and columns here, or
// to momentary: a test of each database compares both with the schema.
var backedUp = []Table{
	table("ledger", "", "one", "one int, id text, created_at time"),
	table("internal_wallets", "id", "id",
		"id int, address text, device text, path text, chain_type text, chain_id int, wallet_type text, nonce int, is_active int, "+
			"created_at time, updated_at time"),
	table("requests", "", "id", "id text, kind text, content text, wallet_id int, row_count int, created_at time"),
	table("nonces", "", "wallet_id, nonce",
		"wallet_id int, nonce int, state text, request text, row_no int, fence int, expires_at time, hash text, for_withdrawal bool, updated_at time"),
	table("wallet_counts", "", "wallet_id", "wallet_id int, reserved int"),
	table("external_ranges", "", "wallet_id, first_nonce",
		"wallet_id int, first_nonce int, last_nonce int, evidence text, reason text, at time"),
	table("withdrawals", "seq", "seq",
		"seq int, payment text, request text, row_no int, chain_type text, chain_id int, to_address text, asset text, contract text, amount text, "+
			"state text, outcome text, reason text, created_at time, updated_at time, ended_at time, "+
			"authorizations text, authorized_until time, authorized_fee text, unauthorized text"),
	table("attempts", "id", "id",
		"id int, wallet_id int, nonce int, payment text, purpose text, digest text, intent bytes, state text, raw bytes, hash text, note text, "+
			"refusal text, block_number int, block_hash text, success bool, fee text, asked_at time, signed_at time, sent_at time, mined_at time, "+
			"final_at time, updated_at time, receipt_device text, receipt_seq int, receipt_sig bytes"),
	table("alarms", "id", "id",
		"id int, key text, kind text, chain_type text, chain_id int, wallet_id int, payment text, brake bool, sticky bool, why text, todo text, "+
			"since time, seen_at time, ended_at time, ended_by text"),
	table("wishes", "id", "id", "id int, payment text, kind text, actor text, reason text, at time, ended_at time, result text"),
	table("devices", "", "device", "device text, verified_seq int, updated_at time"),
	table("restores", "id", "id",
		"id int, at time, taken_at time, digest text, actor text, cursors text, examined_at time, accepted_at time, accepted_by text, reason text"),
	table("restore_differences", "", "restore_id, kind, subject",
		"restore_id int, kind text, subject text, chain_type text, chain_id int, address text, nonce int, payment text, detail text, at time"),
	table("events", "id", "id",
		"id int, at time, actor text, payment text, subject text, attempt int, purpose text, wallet_id int, nonce int, from_state text, "+
			"to_state text, outcome text, detail text, hash text"),
	table("inbox", "seq", "seq",
		"seq int, request text, chain_id int, to_address text, amount text, asset text, state text, reason text, submitted_by text, "+
			"submitted_at time, decided_at time, authorizations text, renewal bool"),
	table("operators", "id", "id", "id int, name text, role text, key text, fingerprint text, added_at time, revoked_at time"),
	table("proposals", "id", "id",
		"id int, act text, reason text, preview text, digest text, maker text, maker_key text, signed text, made_at time, expires_at time, "+
			"state text, ended_at time, ended_by text"),
	table("settings", "id", "id", "id int, digest text, view text, accepted_at time, accepted_by text, revoked_at time"),
	table("statements", "", "id", "id text, used_by text, at time"),
	table("audit_log", "id", "id", "id int, at time, actor text, action text, subject text, before text, after text, result text, reason text, signed text"),
	table("audit_entries", "", "entry", "entry int, audit_id int"),
	table("audit_nodes", "", "node", "node int, hash bytes"),
	table("audit_checkpoints", "", "size", "size int, at time, note text"),
	table("audit_unsealed", "", "audit_id", "audit_id int"),
}

// momentary are the tables that are of the moment, or of the database itself: what stands in them says nothing in another one.
var momentary = []string{
	"instances", "cache_generation", "wallet_leases", // processes that live now
	"author",                              // of the statement that runs now
	"goose_db_version", "sqlite_sequence", // the schema's, and SQLite's own
}

// Tables are the tables of a ledger that belong into a backup, each after those that it refers to.
func Tables() []Table { return slices.Clone(backedUp) }

// Momentary says whether a table is left out of backups.
func Momentary(name string) bool { return slices.Contains(momentary, name) }

// table describes one: columns are "name kind" with commas between them.
func table(name, serial, key, columns string) Table {
	t := Table{Name: name, Serial: serial, Key: strings.Split(key, ", ")}
	for c := range strings.SplitSeq(columns, ", ") {
		column, kind, _ := strings.Cut(c, " ")
		t.Columns = append(t.Columns, Column{Name: column, Kind: ColumnKind(kind)})
	}
	return t
}

// Column is where a column stands among the columns; -1: it is not there.
func (t Table) Column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

// Names are the columns' names, with commas between them, as SQL lists them.
func (t Table) Names() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// TableReader is the part of Reader that reads whole tables.
type TableReader interface {
	// ReadTable gives fn every row of a table, in the order of its key: a value for each column (ColumnKind). One row is held at a time.
	// fn may ask nothing of the Reader meanwhile, and does not keep the row. Its error ends the reading and is returned.
	ReadTable(ctx context.Context, t Table, fn func(row []any) error) error
}

// Put adds rows to a table. The Table may have fewer columns than Tables says; the others are then what a new row has in them.
type Put func(t Table, rows [][]any) error

// TableWriter is the part of Tx that fills an empty ledger.
type TableWriter interface {
	// Fill makes this ledger another one, its id included: it has the rows that fill puts, and no trigger runs for them. fill puts table
	// after table in the order of Tables. The numbers that the database gives go on above the highest that was put. Audit rows that were
	// here already (of what was refused, as a rule) stay, after those that were put, and wait to be sealed.
	//
	// ErrNotEmpty if anything but such rows is here. Whoever fills owns the tables.
	Fill(ctx context.Context, fill func(Put) error) error
}
