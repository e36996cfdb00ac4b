// Package sqlite offers the storage contract on SQLite: one file, no setup.
//
// The file is in WAL mode with synchronous=FULL, so a commit that was answered survives a power cut. Each process has one
// writer connection, whose transactions are immediate (the lock is taken at their beginning), and a pool of readers, who
// wait for nobody. Between processes the file's own lock orders the writers; one waits for it up to 30 seconds.
//
// The file is made by Migrate, for its owner alone. A file that others may read or write is refused.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver

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
	// Now is the clock that expiry is judged by; required.
	Now func() time.Time
	// Actor is who writes, in events.
	Actor string
	// Throwaway is for a simulation, whose file nobody wants after its end: commits are not synced to the disk, and there is one
	// reader. Whatever anybody relies on must be opened without it.
	Throwaway bool
}

// DB is one database file as one process uses it.
type DB struct {
	path      string
	now       func() time.Time
	actor     string
	throwaway bool

	mu      sync.Mutex // guards connecting
	pools   []*sql.DB
	writer  chan *session // holds the one writer when it is free
	readers chan *session
	checked bool // the schema is the one this program knows
	ledger  string
}

var _ store.DB = (*DB)(nil)

// Open gives a handle to the file at path. It touches nothing: the file is opened by the first use, and made by Migrate.
func Open(_ context.Context, path string, o Options) (*DB, error) {
	if path == "" || o.Now == nil {
		return nil, errors.New("sqlite: a path and a clock are needed")
	}
	return &DB{path: path, now: o.Now, actor: o.Actor, throwaway: o.Throwaway}, nil
}

// Close closes the file. Nothing may be running.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writer == nil {
		return nil
	}
	errs := []error{(<-d.writer).close()}
	for range cap(d.readers) {
		errs = append(errs, (<-d.readers).close())
	}
	for _, p := range d.pools {
		errs = append(errs, p.Close())
	}
	d.writer, d.readers, d.pools = nil, nil, nil
	return errors.Join(errs...)
}

// clock is the store's clock.
func (d *DB) clock() time.Time { return d.now().UTC().Truncate(time.Microsecond) }

// use makes the handle ready: the file is open, its mode is right, its schema is the one that this program knows.
func (d *DB) use(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.checked {
		return nil
	}
	if err := d.connect(ctx); err != nil {
		return err
	}
	if err := d.checkSchema(ctx); err != nil {
		return err
	}
	d.checked = true
	return nil
}

func (d *DB) connect(ctx context.Context) error {
	if d.writer != nil {
		return nil
	}
	if err := checkFile(d.path); err != nil {
		return err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	if d.throwaway {
		readers = 1
	}
	w, err := sql.Open("sqlite", d.dsn(false))
	if err != nil {
		return err
	}
	r, err := sql.Open("sqlite", d.dsn(true))
	if err != nil {
		return errors.Join(err, w.Close())
	}
	pools := []*sql.DB{w, r}
	var sessions []*session
	for i := range 1 + readers {
		s, err := newSession(ctx, pools[min(i, 1)])
		if err != nil {
			return errors.Join(interpret(err), w.Close(), r.Close())
		}
		sessions = append(sessions, s)
	}
	d.pools, d.writer, d.readers = pools, make(chan *session, 1), make(chan *session, readers)
	d.writer <- sessions[0]
	for _, s := range sessions[1:] {
		d.readers <- s
	}
	return nil
}

// dsn names the file to the driver with the settings that durability rests on.
func (d *DB) dsn(readOnly bool) string {
	synchronous := "synchronous(FULL)"
	if d.throwaway {
		synchronous = "synchronous(OFF)"
	}
	q := url.Values{"_pragma": {
		"busy_timeout(30000)", "journal_mode(WAL)", synchronous, "foreign_keys(ON)", "recursive_triggers(ON)", "temp_store(MEMORY)",
	}}
	if readOnly {
		q.Add("_pragma", "query_only(ON)")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// session is one connection with its prepared statements. One goroutine uses it at a time.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newSession(ctx context.Context, pool *sql.DB) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

// prepare gives the statement of a text, prepared once.
func (s *session) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := s.stmts[text]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	s.stmts[text] = stmt
	return stmt, nil
}

func (s *session) exec(ctx context.Context, text string, args ...any) (int64, error) {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *session) close() error {
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

// checkFile refuses a file that is not its owner's alone. A file that is not there has no schema.
func checkFile(path string) error {
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) && p != path {
			continue
		}
		if err := checkMode(p, info, err); err != nil {
			return err
		}
	}
	return nil
}
