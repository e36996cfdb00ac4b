// Package postgres offers the storage contract on PostgreSQL, for when one machine is not enough.
//
// Every transaction goes to the primary; a server in recovery is refused at connect, and the next host of the URL tried. When the
// primary goes away and a standby is promoted, the same handle goes on there (docs/decisions/0012). Writes run at READ COMMITTED
// under locks on the wallets, taken in id order: what is decided on is read by statements of its own after the lock, so it is what
// the last holder of the lock left. Reads have one REPEATABLE READ snapshot.
//
// Round trips are what an allocation costs here. So BEGIN waits for the first statement and goes with it, and writes whose
// result nobody asks for wait for COMMIT and go with that: a reservation is two round trips, whatever its size. What such a
// write runs into, the commit reports.
//
// Sessions are kept: prepared statements and the locks of Hold live in them. A pooler between must pool sessions, not
// transactions.
package postgres

import (
	"context"
	"embed"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/sqlfile"
)

//go:embed queries/*.sql
var queryFiles embed.FS

//go:embed migrations/*.sql
var migrationFiles embed.FS

// queries are the adapter's statements by name.
var queries = sqlfile.MustLoad(queryFiles, "queries")

// Options are what may be chosen.
type Options struct {
	// PoolSize is how many connections transactions share; 0: four times the CPUs, at most 32. There are two at least: a View
	// may run beside an Update. Each Hold and each Listen has one more of its own.
	PoolSize int
	// Actor is who writes, in events. Empty: the role that connects.
	Actor string
}

// DB is one database as one process uses it.
type DB struct {
	pool   *pgxpool.Pool
	newest atomic.Int64 // the newest timeline that a server was on

	checking chan struct{} // holds a token when nobody is looking at the schema
	checked  chan struct{} // closed once the schema is known to be the one this program knows
	ledger   ledgerID
}

var _ store.DB = (*DB)(nil)

// Open gives a handle to the database of a URL. It connects to nothing: the first use does. The URL, which may hold a password,
// is in no error.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	d := &DB{checking: make(chan struct{}, 1), checked: make(chan struct{})}
	config, err := configOf(url, o.Actor, &d.newest)
	if err != nil {
		return nil, err
	}
	size := o.PoolSize
	if size == 0 {
		size = min(4*runtime.GOMAXPROCS(0), 32)
	}
	config.MinConns, config.MinIdleConns = 0, 0
	config.MaxConns = int32(min(max(2, size), 10_000))
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, errors.New("postgres: the pool cannot be made") // its error may quote the URL
	}
	d.checking <- struct{}{}
	return d, nil
}

// Close closes all connections. Nothing may be running.
func (d *DB) Close() error {
	d.pool.Close()
	return nil
}

// Role is the database role that it connects as.
func (d *DB) Role() string { return d.pool.Config().ConnConfig.User }

// use makes sure, once, that the schema is the one that this program knows.
func (d *DB) use(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-d.checked:
		return nil
	default:
	}
	select {
	case <-d.checking:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { d.checking <- struct{}{} }()
	select {
	case <-d.checked:
		return nil
	default:
	}
	if err := d.checkSchema(ctx); err != nil {
		return err
	}
	close(d.checked)
	return nil
}
