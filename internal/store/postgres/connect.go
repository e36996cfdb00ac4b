package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"coffer.internal/internal/store"
)

// settings are those of every session. What the URL says about the same ones counts less: they are what the statements and
// the promises of this package rest on.
var settings = map[string]string{
	// A process that was stopped in the middle of a transaction must not keep the wallets locked for all others: what it locked is
	// free again before the leases of its wallets end (15 s, if not configured otherwise). No transaction waits for anything but the
	// database.
	"idle_in_transaction_session_timeout": "10s",
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

// How long a host is waited for. Without these, one that is gone without a word would keep a connection for a quarter of an hour,
// and the next host of the URL from being tried.
const (
	connectWithin = 10 * time.Second // unless the URL has a connect_timeout
	pongWithin    = 5 * time.Second  // of a connection that was idle and is to be used again
)

var alive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}

// configOf reads a URL. Its errors say nothing of the URL: where a wrong one has its password cannot be told for certain. newest is
// the newest timeline that was seen.
func configOf(url, actor string, newest *atomic.Int64) (*pgxpool.Config, error) {
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
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectWithin
	}
	c.DialFunc = (&net.Dialer{Timeout: c.ConnectTimeout, KeepAliveConfig: alive, Control: giveUp}).DialContext
	config.PingTimeout = pongWithin
	// In place of target_session_attrs in the URL: it is always the primary.
	c.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error { return checkServer(ctx, conn, newest) }
	return config, nil
}

var (
	errReplica = errors.New("the server is a replica (it is in recovery); coffer reads and writes the primary only: " +
		"name that, or all servers of the cluster, as postgres://USER@HOST1:5432,HOST2:5432/DATABASE")
	errReadOnly = errors.New("the server is read-only (default_transaction_read_only is on); coffer needs one that takes writes")
	errFormer   = errors.New("the server is a former primary: another one was promoted since; make it a standby of that one")
)

// checkServer refuses a server that is not the primary. Of several hosts in the URL the next one is tried then.
func checkServer(ctx context.Context, conn *pgconn.PgConn, newest *atomic.Int64) error {
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
	return checkTimeline(ctx, conn, newest)
}

// checkTimeline refuses a server on an older timeline than one that this process was connected to: each promotion begins a new one,
// and what was committed there is not here. A server that does not tell its timeline, as some that are managed, is believed.
func checkTimeline(ctx context.Context, conn *pgconn.PgConn, newest *atomic.Int64) error {
	results, err := conn.Exec(ctx, queries["timeline"]).ReadAll()
	if errors.As(err, new(*pgconn.PgError)) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return errors.New("the server does not say what its timeline is")
	}
	here, err := strconv.ParseInt(string(results[0].Rows[0][0]), 10, 64)
	if err != nil {
		return err
	}
	for {
		seen := newest.Load()
		if here < seen {
			return errFormer
		}
		if newest.CompareAndSwap(seen, here) {
			return nil
		}
	}
}
