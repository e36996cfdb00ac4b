package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/jackc/pgx/v5"

	"coffer.internal/internal/store/postgres/pgtest"
)

// database is PostgreSQL at two places: at one the primary, at the other its synchronous standby, both as durable as in production.
// When the primary dies, the standby is promoted, and a new standby is made where the primary was; until it is there, commits wait.
type database struct{ *pgtest.Pair }

// url names both places, of which a client takes the one that takes writes.
func (d database) url(application string) string {
	u, err := url.Parse(d.URL())
	if err != nil {
		return d.URL() // never: pgtest made it
	}
	q := u.Query()
	q.Set("application_name", application)
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	return u.String()
}

// synchronous says whether every commit of the primary is on the standby before it is answered.
func (d database) synchronous(ctx context.Context) (ok bool, err error) {
	conn, err := pgx.Connect(ctx, d.PrimaryURL())
	if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync')`).Scan(&ok)
	return ok, errors.Join(err, conn.Close(ctx))
}

// failOver kills every process of the primary, promotes its synchronous standby and gives that one a standby.
func (d database) failOver(ctx context.Context) error {
	if ok, err := d.synchronous(ctx); !ok || err != nil {
		return errors.Join(errors.New("the standby is not synchronous, so the primary may not be killed"), err)
	}
	if err := d.KillPrimary(); err != nil {
		return err
	}
	if err := d.Promote(ctx); err != nil {
		return err
	}
	return d.Replace(ctx)
}

// cut ends the connections of coffer's processes to the primary.
func (d database) cut(ctx context.Context) error {
	return pgtest.Exec(ctx, d.PrimaryURL(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coffer'")
}
