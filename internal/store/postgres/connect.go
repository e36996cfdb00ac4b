package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"coffer.internal/internal/store"
)

// settings are those of every session. What the URL says about the same ones counts less: they are what the statements and
// the promises of this package rest on.
var settings = map[string]string{
	// A process that was stopped in the middle of a transaction must not keep the wallets locked for all others.
	"idle_in_transaction_session_timeout": "60s",
	// Times without a zone, which goose writes, are UTC.
	"timezone": "UTC",
	// Every statement has its index and is planned once. Planned anew for each size of its arrays, or by the statistics of a
	// table that was empty a moment ago, it would cost more than it does, or read the whole table.
	"plan_cache_mode":  "force_generic_plan",
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
	"jit":              "off",
}

// configOf reads a URL. Its errors say nothing of the URL: where a wrong one has its password cannot be told for certain.
func configOf(url, actor string) (*pgxpool.Config, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, fmt.Errorf("%w: its URL does not begin with postgres://", store.ErrUnreachable)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: its URL cannot be read; wanted is postgres://USER:PASSWORD@HOST:PORT/DATABASE, "+
			"with %%XX for special characters in the password", store.ErrUnreachable)
	}
	c := config.ConnConfig
	for name, value := range settings {
		c.RuntimeParams[name] = value
	}
	if actor != "" {
		c.RuntimeParams["coffer.actor"] = actor
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "coffer"
	}
	asked := c.ValidateConnect // target_session_attrs in the URL
	c.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if asked != nil {
			if err := asked(ctx, conn); err != nil {
				return err
			}
		}
		return checkServer(ctx, conn)
	}
	return config, nil
}

var (
	errReplica  = errors.New("the server is a replica (it is in recovery); coffer reads and writes the primary only")
	errReadOnly = errors.New("the server is read-only (default_transaction_read_only is on); coffer needs one that takes writes")
)

// checkServer refuses a server that is not the primary. Of several hosts in the URL the next one is tried then.
func checkServer(ctx context.Context, conn *pgconn.PgConn) error {
	results, err := conn.Exec(ctx, queries["server"]).ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 3 {
		return errors.New("the server does not say whether it is the primary")
	}
	const yes = "t"
	switch row := results[0].Rows[0]; {
	case string(row[0]) == yes:
		return errReplica
	case string(row[1]) == yes:
		return errReadOnly
	}
	return nil
}
