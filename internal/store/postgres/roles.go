package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
)

var _ store.Roles = (*DB)(nil)

// The roles, each with no more than its work needs. Nobody logs in as one: they are granted to who does. Who migrates owns everything, and
// needs none.
const (
	roleViewer   = "coffer_viewer"   // looks at everything but what others could use: authorizations
	roleAuditor  = "coffer_auditor"  // looks at everything
	roleService  = "coffer_service"  // reserves nonces and hands withdrawals in
	roleDaemon   = "coffer_daemon"   // pays: coffer run, and programs that pay with nonces that they reserved
	roleOperator = "coffer_operator" // registers wallets, moves cursors, operates payments, lifts alarms, recovers
	roleOfficer  = "coffer_officer"  // does so as well, names operators, compares and accepts restores
)

var allRoles = []string{roleViewer, roleAuditor, roleService, roleDaemon, roleOperator, roleOfficer}

// rights says what a role may do with a table, by role. A role that is not in it may do nothing.
type rights map[string]string

const (
	see       = "SELECT"
	seeAdd    = "SELECT, INSERT"
	seeChange = "SELECT, UPDATE"
	seeWrite  = "SELECT, INSERT, UPDATE"
	all       = "SELECT, INSERT, UPDATE, DELETE"
)

// everybody looks; the others may do what is said besides. An officer may what an operator may.
func everybody(service, daemon, operator string) rights {
	return rights{roleViewer: see, roleAuditor: see, roleService: service, roleDaemon: daemon, roleOperator: operator, roleOfficer: operator}
}

// officers change it, and everybody looks.
func officers(may string) rights {
	r := everybody(see, see, see)
	r[roleOfficer] = may
	return r
}

// Who authorized a payment is shown; the authorization itself, which the signing machine would take, is not.
const (
	withoutTokens = `SELECT (seq, payment, request, row_no, chain_type, chain_id, to_address, asset, contract, amount, state, outcome, reason, ` +
		`created_at, updated_at, ended_at, authorized_until, authorized_fee, unauthorized)`
	inboxWithoutTokens = `SELECT (seq, request, chain_id, to_address, amount, asset, state, reason, submitted_by, submitted_at, decided_at, renewal)`
)

// moveCursor is what handing out a nonce changes of a wallet. Locking its row needs the right to change something of it too.
const moveCursor = "SELECT, UPDATE (nonce, updated_at)"

// tables is the one list of who may do what. What a trigger writes, whoever fired it has to have the right to. Nobody but the owner changes or
// deletes what is only ever added to: audit_log, its tree, events; and nobody changes the ledger's id or the schema.
var tables = map[string]rights{
	"internal_wallets": everybody(moveCursor, moveCursor, seeWrite),
	"wallet_counts":    everybody(seeChange, seeChange, seeWrite),
	"requests":         everybody(seeAdd, seeAdd, seeAdd),
	"nonces":           everybody(seeWrite, all, all),
	"external_ranges":  everybody(see, all, all),
	"withdrawals": {
		roleViewer: withoutTokens, roleAuditor: see, roleService: "SELECT, INSERT, UPDATE (authorizations, authorized_until, authorized_fee, unauthorized, updated_at)",
		roleDaemon: seeWrite, roleOperator: seeWrite, roleOfficer: seeWrite,
	},
	"attempts":          everybody(see, seeWrite, seeWrite),
	"operators":         officers(seeWrite),
	"settings":          officers(seeWrite),
	"proposals":         everybody(see, see, seeWrite),
	"statements":        everybody(see, see, seeAdd),
	"audit_log":         everybody(seeAdd, seeAdd, seeAdd),
	"audit_unsealed":    everybody(seeAdd, "SELECT, INSERT, DELETE", "SELECT, INSERT, DELETE"),
	"audit_entries":     everybody(see, seeAdd, seeAdd),
	"audit_nodes":       everybody(see, seeAdd, seeAdd),
	"audit_checkpoints": everybody(see, seeAdd, seeAdd),
	"ledger":            everybody(see, see, see),
	"goose_db_version":  everybody(see, see, see),
	"instances":         everybody(all, all, all),
	"cache_generation":  everybody(see, see, seeChange),
	"wallet_leases":     everybody(see, seeWrite, see),
	"alarms":            everybody(see, seeWrite, seeWrite),
	"wishes":            everybody(see, seeChange, seeWrite),
	"events":            everybody(seeAdd, seeAdd, seeAdd),
	"inbox": {
		roleViewer: inboxWithoutTokens, roleAuditor: see, roleService: seeWrite, roleDaemon: seeChange, roleOperator: see, roleOfficer: seeChange,
	},
	"coffer_inbox": everybody(see, see, see),
	"devices":      everybody(see, seeWrite, seeWrite),

	"restores":            officers(seeWrite),
	"restore_differences": officers(all),
}

// Roles is the statements that make the roles and give each its rights.
func (d *DB) Roles() string {
	var b strings.Builder
	b.WriteString("-- The database roles of coffer, each with the least rights (docs/install.md). Run it as the owner of the tables, who may make roles,\n" +
		"-- and again after each migration. Then: GRANT coffer_daemon TO somebody;\n")
	for _, role := range allRoles {
		fmt.Fprintf(&b, "DO $$ BEGIN CREATE ROLE %s NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;\n", role)
	}
	names := strings.Join(allRoles, ", ")
	fmt.Fprintf(&b, "DO $$ BEGIN\n    EXECUTE format('GRANT USAGE ON SCHEMA %%I TO %s', current_schema());\n"+
		"    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %%I FROM %s', current_schema());\nEND $$;\n", names, names)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		for _, role := range allRoles {
			if may := tables[table][role]; may != "" {
				fmt.Fprintf(&b, "GRANT %s ON %s TO %s;\n", may, table, role)
			}
		}
	}
	fmt.Fprintf(&b, "GRANT EXECUTE ON FUNCTION resume_held TO %s, %s, %s, %s;\n", roleService, roleDaemon, roleOperator, roleOfficer)
	return b.String()
}

// ApplyRoles makes the roles, all or nothing.
func (d *DB) ApplyRoles(ctx context.Context) (err error) {
	held, err := d.lock(ctx, "migrate", queries["lock_wait"])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	conn, err := pgx.ConnectConfig(ctx, d.session())
	if err != nil {
		return d.unreachable(ctx, err)
	}
	defer func() { err = errors.Join(err, closeSoon(conn)) }()
	_, err = conn.PgConn().Exec(ctx, "BEGIN;\n"+d.Roles()+"COMMIT;").ReadAll()
	return interpret(err)
}

// HasRoles says whether the roles are there.
func (d *DB) HasRoles(ctx context.Context) (there bool, err error) {
	err = d.View(ctx, func(r store.Reader) error {
		n, err := rows(r.(*reader), queries["roles_there"], scanNumber, allRoles)
		if err == nil {
			there = n[0] > 0
		}
		return err
	})
	return there, err
}
