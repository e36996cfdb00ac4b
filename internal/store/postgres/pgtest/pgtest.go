// Package pgtest gives tests a real PostgreSQL: each one a fresh, empty database on a throwaway cluster.
//
// The cluster is the one that COFFER_TEST_POSTGRES names (cmd/pgcluster sets it, so that many test binaries share one);
// without it this process starts its own on first use. It listens on a unix socket only, belongs to nobody but the test run,
// and is gone when the process is, however that ends: see supervise.go.
//
// Programs that are shipped must not import it.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the cluster to use: the URL of any database on it, as a superuser.
const Env = "COFFER_TEST_POSTGRES"

// shared is the cluster of this process. Nobody stops it: it ends with the process.
var shared = sync.OnceValues(func() (string, error) {
	if u := os.Getenv(Env); u != "" {
		return u, nil
	}
	c, err := Start(Options{})
	if err != nil {
		return "", err
	}
	return c.URL(), nil
})

// DSN makes an empty database and returns its URL. The database is dropped when the test ends, whoever is still connected.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, "")
}

// Copy makes a copy of a database to which nobody is connected, as a backup is, and returns its URL. It is dropped like one of DSN.
func Copy(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return create(t, " TEMPLATE "+strings.TrimPrefix(u.Path, "/"))
}

// Template is a database that others are made as copies of.
type Template struct {
	name string
	how  string // the option of CREATE DATABASE that copies files as they are: the other way writes each page to the log first
}

// NewTemplate makes an empty database and has it filled. It stays as long as the cluster.
func NewTemplate(ctx context.Context, fill func(ctx context.Context, url string) error) (Template, error) {
	cluster, err := shared()
	if err != nil {
		return Template{}, err
	}
	t := Template{name: newName()}
	if err := Exec(ctx, cluster, "CREATE DATABASE "+t.name); err != nil {
		return Template{}, err
	}
	u, err := database(cluster, t.name)
	if err != nil {
		return Template{}, err
	}
	if t.how, err = copying(ctx, u); err != nil {
		return Template{}, err
	}
	return t, fill(ctx, u)
}

// DSN makes a copy and returns its URL. It is dropped like one of DSN.
func (from Template) DSN(t testing.TB) string {
	t.Helper()
	return create(t, " TEMPLATE "+from.name+from.how)
}

// copying is the option for the server's version: before 15 there was one way only.
func copying(ctx context.Context, url string) (option string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, "SELECT CASE WHEN current_setting('server_version_num')::int < 150000 THEN '' ELSE ' STRATEGY FILE_COPY' END").Scan(&option)
	return option, errors.Join(err, conn.Close(ctx))
}

func newName() string { return "coffer_" + strings.ToLower(rand.Text()) }

// database is the URL of a database of the cluster.
func database(cluster, name string) (string, error) {
	u, err := url.Parse(cluster)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func create(t testing.TB, from string) string {
	t.Helper()
	cluster, err := shared()
	if err != nil {
		t.Fatalf("a throwaway PostgreSQL: %v", err)
	}
	name := newName()
	if err := Exec(t.Context(), cluster, "CREATE DATABASE "+name+from); err != nil {
		t.Fatalf("make database %s: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := Exec(ctx, cluster, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	u, err := database(cluster, name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Exec runs SQL on a database, on a connection of its own.
func Exec(ctx context.Context, url, sql string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() {
		if e := conn.Close(ctx); err == nil && e != nil {
			err = fmt.Errorf("close: %w", e)
		}
	}()
	_, err = conn.Exec(ctx, sql)
	return err
}
