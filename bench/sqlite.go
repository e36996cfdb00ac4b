package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // registers the driver for the ways that are not coffer's

	"coffer.internal/internal/store/sqlite"
)

func openSQLite(ctx context.Context) (*bench, error) {
	dir, err := os.MkdirTemp("", "coffer-bench-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "bench.db")
	db, err := sqlite.Open(ctx, path, sqlite.Options{Now: time.Now})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	b := newBench(db)
	b.ends = append([]func(){func() { _ = os.RemoveAll(dir) }}, b.ends...)
	if _, err := db.Migrate(ctx); err != nil {
		b.close()
		return nil, err
	}
	raw, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(30000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)")
	if err != nil {
		b.close()
		return nil, err
	}
	b.ends = append(b.ends, func() { _ = raw.Close() })
	raw.SetMaxOpenConns(16)
	if b.settings, err = sqliteSettings(ctx, raw); err != nil {
		b.close()
		return nil, err
	}
	b.ways = []way{
		{name: "guide: read then update", alloc: func(ctx context.Context, w walletRef, _, _ int) error { return sqliteGuide(ctx, raw, w) }},
		{name: "update returning", base: true, alloc: func(ctx context.Context, w walletRef, _, _ int) error {
			var n int64
			return raw.QueryRowContext(ctx, sqliteReturning, w.id).Scan(&n)
		}},
		{name: "one transaction by hand", alloc: func(ctx context.Context, w walletRef, _, _ int) error { return sqliteByHand(ctx, raw, w, b.request()) }},
		b.cofferWay(),
	}
	return b, nil
}

const sqliteReturning = `UPDATE internal_wallets SET nonce = nonce + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%f000Z') WHERE id = ? RETURNING nonce - 1`

func sqliteSettings(ctx context.Context, raw *sql.DB) (string, error) {
	var all []string
	for _, name := range []string{"journal_mode", "synchronous"} {
		var value string
		if err := raw.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return "", err
		}
		all = append(all, name+"="+value)
	}
	return strings.Join(all, " "), nil
}

// sqliteGuide reads the counter, then sets it if nobody else did.
func sqliteGuide(ctx context.Context, raw *sql.DB, w walletRef) error {
	for range attempts {
		var n int64
		if err := raw.QueryRowContext(ctx, `SELECT nonce FROM internal_wallets WHERE id = ?`, w.id).Scan(&n); err != nil {
			return err
		}
		res, err := raw.ExecContext(ctx, `UPDATE internal_wallets SET nonce = ? WHERE id = ? AND nonce = ?`, n+1, w.id, n)
		if err != nil {
			return err
		}
		if moved, err := res.RowsAffected(); err != nil || moved == 1 {
			return err
		}
	}
	return errNone
}

// sqliteByHand writes the same rows as coffer does, one transaction a nonce.
func sqliteByHand(ctx context.Context, raw *sql.DB, w walletRef, request string) error {
	tx, err := raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	var n int64
	if err := tx.QueryRowContext(ctx, sqliteReturning, w.id).Scan(&n); err != nil {
		return err
	}
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at) VALUES (?, 'reservation', ?, ?, 1, ?)`,
			[]any{request, "reserve by hand", w.id, now}},
		{`INSERT INTO nonces (wallet_id, nonce, state, request, row_no, fence, expires_at, updated_at) VALUES (?, ?, 'reserved', ?, 0, 1, ?, ?)`,
			[]any{w.id, n, request, now, now}},
		{`INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason) VALUES (?, 'bench', 'nonce.reserve', ?, '', ?, 'done', '')`,
			[]any{now, w.address, fmt.Sprint(n)}},
	} {
		if _, err := tx.ExecContext(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
