package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/store/postgres/pgtest"
)

// query runs a statement as any program does that knows the database and nothing of coffer, and prints its rows, a bar between the
// columns.
//
//	query STATEMENT
func query(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: query STATEMENT")
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, ts.Getenv("COFFER_DB"))
	ts.Check(err)
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, args[0])
	ts.Check(err)
	for rows.Next() {
		values, err := rows.Values()
		ts.Check(err)
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = fmt.Sprint(v)
		}
		fmt.Fprintln(ts.Stdout(), strings.Join(cells, "|"))
	}
	if err := rows.Err(); (err != nil) != neg {
		ts.Fatalf("%v", err)
	} else if neg {
		fmt.Fprintln(ts.Stderr(), err)
	}
}

// What only PostgreSQL has.
func TestSQLScripts(t *testing.T) {
	testscript.Run(t, scriptsOnPostgres(t, "testdata/sql"))
}

func TestEveryStatementOfTheSQLPageRuns(t *testing.T) {
	page, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks found: is the pattern right?", len(blocks))
	}
	f := &fleet{T: t, home: t.TempDir() + "/home", url: pgtest.DSN(t)}
	f.must("init")
	for _, b := range blocks {
		if err := pgtest.Exec(t.Context(), f.url, string(b[1])); err != nil {
			t.Errorf("%s%v", b[1], err)
		}
	}
}
