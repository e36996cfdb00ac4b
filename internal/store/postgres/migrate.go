package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/schema"
)

// Migrations lists what this program knows, and what of it is applied.
func (d *DB) Migrations(ctx context.Context) ([]store.Migration, error) {
	known, err := schema.Known(migrationFiles)
	if err != nil {
		return nil, err
	}
	applied, err := d.applied(ctx)
	if err != nil {
		return nil, err
	}
	return schema.Mark(known, applied)
}

// Migrate applies what is missing. One process at a time does.
func (d *DB) Migrate(ctx context.Context) (done []store.Migration, err error) {
	held, err := d.lock(ctx, "migrate", queries["lock_wait"])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	before, err := d.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.up(ctx); err != nil {
		return nil, interpret(err)
	}
	after, err := d.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	return schema.Added(before, after), nil
}

// up runs the migrations on connections of its own.
func (d *DB) up(ctx context.Context) (err error) {
	pool := stdlib.OpenDB(*d.pool.Config().ConnConfig)
	defer func() { err = errors.Join(err, pool.Close()) }()
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, pool, files)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return err
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	_, err = pool.ExecContext(ctx, queries["ledger_begin"], hex.EncodeToString(id))
	return err
}

// checkSchema wants exactly the migrations that this program knows.
func (d *DB) checkSchema(ctx context.Context) error {
	known, err := schema.Known(migrationFiles)
	if err != nil {
		return err
	}
	applied, err := d.applied(ctx)
	if err != nil {
		return err
	}
	return schema.Check(known, applied)
}

// applied reads the versions applied; none if there is no table of them.
func (d *DB) applied(ctx context.Context) (map[int64]time.Time, error) {
	type row struct {
		version int64
		at      time.Time
	}
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, d.unreachable(ctx, err)
	}
	defer conn.Release()
	r := &reader{conn: conn.Conn(), ctx: ctx}
	all, err := rows(r, queries["migrations_applied"], func(rs pgx.Rows, m *row) error { return rs.Scan(&m.version, when{&m.at}) })
	if errors.Is(err, store.ErrNoSchema) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	versions := map[int64]time.Time{}
	for _, m := range all {
		versions[m.version] = m.at
	}
	return versions, nil
}
