package postgres

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

var kinds = map[string]store.ColumnKind{
	"bigint": store.ColumnInt, "integer": store.ColumnInt, "smallint": store.ColumnInt, "text": store.ColumnText, "bytea": store.ColumnBytes,
	"timestamp with time zone": store.ColumnTime, "boolean": store.ColumnBool,
}

// A migration that adds a table or a column says whether it belongs into a backup.
func TestEveryTableAndColumnIsInABackupOrLeftOutOnPurpose(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	all, err := d.pool.Query(t.Context(), `
		SELECT c.table_name, c.column_name, c.data_type, c.is_identity = 'YES'
		FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	there := map[string]bool{}
	for all.Next() {
		var table, column, kind string
		var serial bool
		if err := all.Scan(&table, &column, &kind, &serial); err != nil {
			t.Fatal(err)
		}
		if store.Momentary(table) || ownColumns[table][column] != "" {
			continue
		}
		i := slices.IndexFunc(store.Tables(), func(t store.Table) bool { return t.Name == table })
		if i < 0 {
			t.Errorf("table %s is neither in store.Tables nor of the moment", table)
			continue
		}
		known := store.Tables()[i]
		if n := known.Column(column); n < 0 || known.Columns[n].Kind != kinds[kind] {
			t.Errorf("column %s.%s (%s) is not in store.Tables, or as another kind", table, column, kind)
		}
		if serial != (known.Serial == column) {
			t.Errorf("the database numbers %s.%s: %v; store.Tables says %q", table, column, serial, known.Serial)
		}
		there[table+"."+column] = true
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	for _, table := range store.Tables() {
		for _, c := range table.Columns {
			if !there[table.Name+"."+c.Name] {
				t.Errorf("the database has no column %s.%s", table.Name, c.Name)
			}
		}
	}
}

// A backup that waits for its disk is not ended by what keeps a stopped process from holding wallets; its connection is as before afterwards.
func TestReadingATableMayTakeLong(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	hurry := func(r *reader) []string {
		all, err := rows(r, "SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('statement_timeout')",
			func(rs pgx.Rows, both *[2]string) error { return rs.Scan(&both[0], &both[1]) })
		if err != nil {
			t.Fatal(err)
		}
		return all[0][:]
	}
	for _, read := range []bool{false, true, false} {
		err := d.View(t.Context(), func(r store.Reader) error {
			want := []string{"10s", "0"}
			if read {
				want[0] = "0"
				if err := r.ReadTable(t.Context(), store.Tables()[0], func([]any) error { return nil }); err != nil {
					return err
				}
			}
			if got := hurry(r.(*reader)); !slices.Equal(got, want) {
				t.Errorf("it may take %q; want %q", got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
