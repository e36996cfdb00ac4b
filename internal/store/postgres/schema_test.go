package postgres

import (
	"testing"

	"coffer.internal/internal/store/postgres/pgtest"
)

// An index in a language's order is silently wrong once the system's idea of that order changes.
func TestEveryIndexedTextIsComparedByItsBytes(t *testing.T) {
	d := migrated(t, pgtest.DSN(t))
	all, err := d.pool.Query(t.Context(), `
		SELECT DISTINCT i.indrelid::regclass || '.' || a.attname
		FROM pg_index i
		JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = current_schema()::regnamespace
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE a.attcollation <> 0 AND a.attcollation <> '"C"'::regcollation`)
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	for all.Next() {
		var column string
		if err := all.Scan(&column); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s is compared in the database's language", column)
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
}
