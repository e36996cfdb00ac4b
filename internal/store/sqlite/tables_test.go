package sqlite

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// What SQLite can tell of a column's kind: times and text are the same to it, and so are numbers and truth.
var kinds = map[string][]store.ColumnKind{
	"INTEGER": {store.ColumnInt, store.ColumnBool}, "TEXT": {store.ColumnText, store.ColumnTime}, "BLOB": {store.ColumnBytes}, "DATETIME": {store.ColumnTime},
}

// A migration that adds a table or a column says whether it belongs into a backup.
func TestEveryTableAndColumnIsInABackupOrLeftOutOnPurpose(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "coffer.db"), Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	type column struct{ table, name, kind string }
	var live []column
	err = d.View(t.Context(), func(r store.Reader) (err error) {
		live, err = rows(r.(*reader), `SELECT t.name, c.name, c.type FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.cid`,
			func(rs *sql.Rows, c *column) error { return rs.Scan(&c.table, &c.name, &c.kind) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, c := range live {
		if store.Momentary(c.table) || strings.HasPrefix(c.table, "sqlite_") {
			continue
		}
		i := slices.IndexFunc(store.Tables(), func(t store.Table) bool { return t.Name == c.table })
		if i < 0 {
			t.Errorf("table %s is neither in store.Tables nor of the moment", c.table)
			continue
		}
		table := store.Tables()[i]
		n := table.Column(c.name)
		if n < 0 || !slices.Contains(kinds[c.kind], table.Columns[n].Kind) {
			t.Errorf("column %s.%s (%s) is not in store.Tables, or as another kind", c.table, c.name, c.kind)
		}
		there[c.table+"."+c.name] = true
	}
	for _, table := range store.Tables() {
		for _, c := range table.Columns {
			if !there[table.Name+"."+c.Name] && kept[table.Name] == "" {
				t.Errorf("the database has no column %s.%s", table.Name, c.Name)
			}
		}
	}
}
