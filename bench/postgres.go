package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"coffer.internal/internal/store/postgres"
	"coffer.internal/internal/store/postgres/pgtest"
)

// openPostgres starts a cluster as durable as one in production. Every way has as many connections as coffer has by default,
// and prepared statements.
func openPostgres(ctx context.Context) (*bench, error) {
	cluster, err := pgtest.Start(pgtest.Options{Fsync: true})
	if err != nil {
		return nil, err
	}
	stop := func() { _ = cluster.Stop() }
	db, err := postgres.Open(ctx, cluster.URL(), postgres.Options{})
	if err != nil {
		stop()
		return nil, err
	}
	b := newBench(db)
	b.ends = append([]func(){stop}, b.ends...)
	if _, err := db.Migrate(ctx); err != nil {
		b.close()
		return nil, err
	}
	config, err := pgxpool.ParseConfig(cluster.URL())
	if err != nil {
		b.close()
		return nil, err
	}
	config.MaxConns = int32(min(4*runtime.GOMAXPROCS(0), 32))
	raw, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		b.close()
		return nil, err
	}
	b.ends = append(b.ends, raw.Close)
	if b.settings, err = postgresSettings(ctx, raw); err != nil {
		b.close()
		return nil, err
	}
	b.ways = []way{
		{name: "guide: read then update", alloc: func(ctx context.Context, w walletRef, _, _ int) error { return postgresGuide(ctx, raw, w) }},
		{name: "update returning", base: true, alloc: func(ctx context.Context, w walletRef, _, _ int) error {
			var n int64
			return raw.QueryRow(ctx, postgresReturning, w.id).Scan(&n)
		}},
		{name: "one transaction by hand", alloc: func(ctx context.Context, w walletRef, _, _ int) error {
			return postgresByHand(ctx, raw, w, b.request())
		}},
		{name: "one statement by hand", alloc: func(ctx context.Context, w walletRef, _, _ int) error {
			var n int64
			return raw.QueryRow(ctx, postgresInOne, w.id, b.request(), w.address).Scan(&n)
		}},
		b.cofferWay(),
	}
	return b, nil
}

const postgresReturning = `UPDATE internal_wallets SET nonce = nonce + 1, updated_at = clock_timestamp() WHERE id = $1 RETURNING nonce - 1`

// postgresByHand writes the same rows as coffer does, one transaction a nonce, statement after statement. Like the other ways by
// hand it looks for nothing first: no request that was there before, no nonce that was given back, no wallet that is inactive.
func postgresByHand(ctx context.Context, raw *pgxpool.Pool, w walletRef, request string) error {
	return pgx.BeginFunc(ctx, raw, func(tx pgx.Tx) error {
		var n int64
		if err := tx.QueryRow(ctx, postgresReturning, w.id).Scan(&n); err != nil {
			return err
		}
		for _, s := range []struct {
			sql  string
			args []any
		}{
			{`INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at) VALUES ($1, 'reservation', 'reserve by hand', $2, 1, clock_timestamp())`,
				[]any{request, w.id}},
			{`INSERT INTO nonces (wallet_id, nonce, state, request, row_no, fence, expires_at, updated_at)
				VALUES ($1, $2, 'reserved', $3, 0, 1, clock_timestamp() + interval '1 hour', clock_timestamp())`, []any{w.id, n, request}},
			{`INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason)
				VALUES (clock_timestamp(), 'bench', 'nonce.reserve', $1, '', $2, 'done', '')`, []any{w.address, fmt.Sprint(n)}},
		} {
			if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// postgresInOne is the same as one statement, so one round trip.
const postgresInOne = `
WITH given AS (
    UPDATE internal_wallets SET nonce = nonce + 1, updated_at = clock_timestamp() WHERE id = $1 RETURNING id, nonce - 1 AS nonce
), asked AS (
    INSERT INTO requests (id, kind, content, wallet_id, row_count, created_at)
    SELECT $2::text, 'reservation', 'reserve by hand', id, 1, clock_timestamp() FROM given
), held AS (
    INSERT INTO nonces (wallet_id, nonce, state, request, row_no, fence, expires_at, updated_at)
    SELECT id, nonce, 'reserved', $2::text, 0, 1, clock_timestamp() + interval '1 hour', clock_timestamp() FROM given
), recorded AS (
    INSERT INTO audit_log (at, actor, action, subject, before, after, result, reason)
    SELECT clock_timestamp(), 'bench', 'nonce.reserve', $3::text, '', nonce::text, 'done', '' FROM given
)
SELECT nonce FROM given`

func postgresSettings(ctx context.Context, raw *pgxpool.Pool) (string, error) {
	var all []string
	for _, name := range []string{"server_version_num", "fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := raw.QueryRow(ctx, "SHOW "+name).Scan(&value); err != nil {
			return "", err
		}
		all = append(all, name+"="+value)
	}
	return strings.Join(all, " ") + fmt.Sprintf(" connections=%d", raw.Config().MaxConns), nil
}

// postgresGuide reads the counter, then sets it if nobody else did.
func postgresGuide(ctx context.Context, raw *pgxpool.Pool, w walletRef) error {
	for range attempts {
		var n int64
		if err := raw.QueryRow(ctx, `SELECT nonce FROM internal_wallets WHERE id = $1`, w.id).Scan(&n); err != nil {
			return err
		}
		tag, err := raw.Exec(ctx, `UPDATE internal_wallets SET nonce = $2 WHERE id = $1 AND nonce = $3`, w.id, n+1, n)
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
	}
	return errNone
}
