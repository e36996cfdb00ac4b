package postgres_test

import (
	"context"
	"os"
	"testing"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
	"coffer.internal/internal/store/postgres/pgtest/pgtables"
	"coffer.internal/internal/store/storetest"
)

func open(ctx context.Context, url string) (store.DB, error) {
	return postgres.Open(ctx, url, postgres.Options{PoolSize: 4, Actor: "me@here 1"})
}

func TestMain(m *testing.M) { os.Exit(storetest.Main(m, open)) }

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New:    func(t *testing.T) string { return pgtest.DSN(t) },
		Tables: func(t *testing.T) string { return pgtables.DSN(t) },
		Open:   open,
		Exec:   pgtest.Exec,
	})
}
