package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/schema"
)

// Ledger is the ledger's own id.
func (d *DB) Ledger(ctx context.Context) (string, error) {
	d.mu.Lock()
	known := d.ledger
	d.mu.Unlock()
	if known != "" {
		return known, nil
	}
	var ids []string
	err := d.View(ctx, func(r store.Reader) (err error) {
		ids, err = rows(r.(*reader), queries["ledger"], func(rs *sql.Rows, id *string) error { return rs.Scan(id) })
		return err
	})
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("the ledger has no id yet: %w", store.ErrNoSchema)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ledger = ids[0]
	return ids[0], nil
}

// forgetLedger has the ledger's id read anew.
func (d *DB) forgetLedger() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ledger = ""
}

// Migrations lists what this program knows, and what of it is applied.
func (d *DB) Migrations(ctx context.Context) ([]store.Migration, error) {
	known, err := schema.Known(migrationFiles)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.connect(ctx)
	if errors.Is(err, store.ErrNoSchema) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	applied, err := d.applied(ctx)
	if err != nil {
		return nil, err
	}
	return schema.Mark(known, applied)
}

// Migrate makes the file if there is none and applies what is missing. One process at a time does.
func (d *DB) Migrate(ctx context.Context) (done []store.Migration, err error) {
	if err := makeFile(d.path); err != nil {
		return nil, err
	}
	held, err := d.await(ctx, "migrate")
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

// up runs the migrations on a connection of its own.
func (d *DB) up(ctx context.Context) (err error) {
	pool, err := sql.Open("sqlite", d.dsn(false))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, pool.Close()) }()
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, pool, files)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, queries["ledger_begin"], text(d.clock()))
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
	s, err := take(ctx, d.readers)
	if err != nil {
		return nil, err
	}
	defer func() { d.readers <- s }()
	all, err := rows(&reader{s: s, ctx: ctx}, queries["migrations_applied"], func(rs *sql.Rows, m *row) error {
		return rs.Scan(&m.version, when{&m.at})
	})
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
