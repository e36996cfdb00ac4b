package postgres

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

// withRoles is a migrated database with its roles.
func withRoles(t *testing.T) (dsn string, owner *DB) {
	t.Helper()
	dsn = pgtest.DSN(t)
	owner = migrated(t, dsn)
	for range 2 { // said twice, it is the same
		if err := owner.ApplyRoles(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return dsn, owner
}

// as connects as a role.
func as(t *testing.T, dsn, role string) *DB {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("role", role)
	u.RawQuery = q.Encode()
	d, err := Open(t.Context(), u.String(), Options{PoolSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// A table that a migration brings and nobody thought of would be open to nobody, and what needs it would stop.
func TestTheListOfRightsIsOfAllTablesThatThereAre(t *testing.T) {
	_, d := withRoles(t)
	live, err := d.pool.Query(t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'p', 'm') ORDER BY relname`)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	var there []string
	for live.Next() {
		var name string
		if err := live.Scan(&name); err != nil {
			t.Fatal(err)
		}
		there = append(there, name)
	}
	listed := slices.Sorted(maps.Keys(tables))
	if err := live.Err(); err != nil || !slices.Equal(there, listed) {
		t.Errorf("there are\n%v, roles.go lists\n%v (%v)", there, listed, err)
	}
	for table, may := range tables {
		for role := range may {
			if !slices.Contains(allRoles, role) {
				t.Errorf("%s: %s is no role", table, role)
			}
		}
		if may[roleViewer] == "" || may[roleAuditor] != see {
			t.Errorf("%s: the viewer may %q and the auditor %q", table, may[roleViewer], may[roleAuditor])
		}
	}
}

// What a viewer does not see is what the signing machine would take; a new column is not forgotten.
func TestAViewerSeesAllButAuthorizations(t *testing.T) {
	_, d := withRoles(t)
	hidden, err := d.pool.Query(t.Context(), `
		SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
		  AND NOT has_column_privilege('coffer_viewer', c.oid, a.attnum, 'SELECT') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer hidden.Close()
	var got []string
	for hidden.Next() {
		var column string
		if err := hidden.Scan(&column); err != nil {
			t.Fatal(err)
		}
		got = append(got, column)
	}
	if want := []string{"inbox.authorizations", "withdrawals.authorizations"}; !slices.Equal(got, want) {
		t.Errorf("hidden are %v, want %v", got, want)
	}
}

// What is only ever added to is changed by no role, and no role makes or drops anything.
func TestNoRoleChangesWhatIsOnlyAddedTo(t *testing.T) {
	dsn, _ := withRoles(t)
	for _, role := range allRoles {
		for _, statement := range []string{
			"UPDATE audit_log SET actor = ''", "DELETE FROM audit_log", "TRUNCATE audit_log", "UPDATE audit_entries SET entry = 0", "DELETE FROM audit_nodes",
			"UPDATE audit_checkpoints SET note = ''", "UPDATE events SET detail = ''", "DELETE FROM events", "UPDATE ledger SET id = ''", "DELETE FROM goose_db_version",
			"ALTER TABLE audit_log DISABLE TRIGGER ALL", "DROP TABLE audit_log", "CREATE TABLE mine (x int)", "ALTER TABLE audit_log OWNER TO CURRENT_USER",
		} {
			d := as(t, dsn, role)
			_, err := d.pool.Exec(t.Context(), statement)
			if err = interpret(err); !errors.Is(err, store.ErrForbidden) {
				t.Errorf("%s: %s: %v", role, statement, err)
			}
		}
	}
}

func TestEachRoleMayNotDoWhatIsAnothersWork(t *testing.T) {
	dsn, _ := withRoles(t)
	for role, statements := range map[string][]string{
		roleViewer:  {"INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason) VALUES (now(), '', '', '', '', '', 'done', '')", "UPDATE internal_wallets SET nonce = 0"},
		roleAuditor: {"INSERT INTO requests (id, kind, content, row_count, created_at) VALUES ('a', 'withdrawal', '', 1, now())", "DELETE FROM instances"},
		roleService: {"UPDATE withdrawals SET state = 'queued'", "UPDATE attempts SET state = 'asked'", "UPDATE internal_wallets SET is_active = 0", "DELETE FROM nonces", "DELETE FROM audit_unsealed"},
		roleDaemon:  {"UPDATE internal_wallets SET device = ''", "INSERT INTO internal_wallets (address, chain_type, chain_id, wallet_type, nonce, created_at, updated_at) VALUES ('a', 'evm', 1, 'hot', 0, now(), now())", "DELETE FROM withdrawals"},
		roleOperator: {
			"UPDATE wallet_leases SET holder = ''", "DELETE FROM internal_wallets", "DELETE FROM attempts", "DELETE FROM withdrawals",
			"INSERT INTO operators DEFAULT VALUES", "UPDATE operators SET role = 'officer'", "INSERT INTO settings DEFAULT VALUES", "UPDATE restores SET accepted_at = now()",
		},
		roleOfficer: {"UPDATE wallet_leases SET holder = ''", "DELETE FROM operators", "DELETE FROM restores", "DELETE FROM proposals"},
	} {
		d := as(t, dsn, role)
		for _, statement := range statements {
			if _, err := d.pool.Exec(t.Context(), statement); !errors.Is(interpret(err), store.ErrForbidden) {
				t.Errorf("%s: %s: %v", role, statement, err)
			}
		}
	}
}

func TestOnlyWhoMayMakesTheRoles(t *testing.T) {
	dsn, owner := withRoles(t)
	if err := as(t, dsn, roleOperator).ApplyRoles(t.Context()); !errors.Is(err, store.ErrForbidden) {
		t.Errorf("an operator makes roles: %v", err)
	}
	if there, err := owner.HasRoles(t.Context()); err != nil || !there {
		t.Errorf("the roles are there: %v, %v", there, err)
	}
	if err := pgtest.Exec(context.WithoutCancel(t.Context()), dsn, owner.Roles()); err != nil {
		t.Errorf("what is printed is not what runs: %v", err)
	}
	if strings.Contains(owner.Roles(), dsn) {
		t.Error("the statements name the database")
	}
}

// Whoever hands withdrawals in may queue again what is held, and change no state otherwise.
func TestAServiceSubmitsAgainWhatIsHeld(t *testing.T) {
	dsn, owner := withRoles(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(owner.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.AddWithdrawals(t.Context(), []store.NewWithdrawal{{Payment: "p", Content: "c", ChainType: "evm", ChainID: 1, To: "0xa", Amount: "1"}}); err != nil {
			return err
		}
		return tx.MoveWithdrawals(t.Context(), []store.WithdrawalMove{{Payment: "p", From: store.WithdrawalQueued, To: store.WithdrawalHeld, Reason: "restored"}})
	}))
	var resumed []string
	must(as(t, dsn, roleService).Update(t.Context(), func(tx store.Tx) (err error) {
		resumed, err = tx.ResumeHeld(t.Context(), []string{"p"})
		return err
	}))
	if !slices.Equal(resumed, []string{"p"}) {
		t.Errorf("resumed %v", resumed)
	}
	for _, role := range []string{roleViewer, roleAuditor} {
		if _, err := as(t, dsn, role).pool.Exec(t.Context(), "SELECT resume_held('{p}')"); !errors.Is(interpret(err), store.ErrForbidden) {
			t.Errorf("%s: %v", role, err)
		}
	}
}
