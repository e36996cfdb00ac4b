// Package pgtables gives tests of what builds on a ledger a database that has its tables already: to make them anew for each of hundreds of
// tests takes longer than the tests.
//
// Programs that are shipped must not import it.
package pgtables

import (
	"context"
	"errors"
	"sync"
	"testing"

	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
)

// template is what each database of this process is a copy of. It ends with the cluster.
var template = sync.OnceValues(func() (pgtest.Template, error) {
	return pgtest.NewTemplate(context.Background(), func(ctx context.Context, url string) (err error) {
		db, err := postgres.Open(ctx, url, postgres.Options{PoolSize: 2})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		if _, err := db.Migrate(ctx); err != nil {
			return err
		}
		// The next one to migrate gives each copy an id of its own.
		return pgtest.Exec(ctx, url, "ALTER TABLE ledger DISABLE TRIGGER USER; DELETE FROM ledger; ALTER TABLE ledger ENABLE TRIGGER USER")
	})
})

// DSN makes such a database and returns its URL, as pgtest.DSN does. It has no ledger id before Migrate, which finds nothing else to do.
func DSN(t testing.TB) string {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatalf("make a database's tables: %v", err)
	}
	return from.DSN(t)
}
