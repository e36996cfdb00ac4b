package postgres

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

// Whatever is wrong with a URL, its password is in no error.
func TestThePasswordIsInNoError(t *testing.T) {
	const secret = "hunter2"
	l, err := net.Listen("tcp", "127.0.0.1:0") // somebody who hangs up at once
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	defer func() { _ = l.Close(); <-ended }()
	for _, u := range []string{
		"postgres://coffer:" + secret + "@" + l.Addr().String() + "/coffer",
		"postgres://coffer:" + secret + "@" + filepath.Join(t.TempDir(), "nowhere") + "/coffer",
		"postgres://coffer:" + secret + "@127.0.0.1:1/coffer?sslmode=disable",
		"postgres://coffer:" + secret + "@127.0.0.1:port/coffer",
		"postgres://coffer:" + secret + "@127.0.0.1:1/coffer?sslmode=nonsense",
		"postgres://coffer:" + secret + "/1@127.0.0.1/coffer",
		"postgres://coffer:" + secret + "?x=y@127.0.0.1:bad/coffer",
		"postgres://coffer:%zz" + secret + "@127.0.0.1/coffer",
		"postgres://127.0.0.1:1/coffer?password=" + secret + "&pool_max_conns=many",
		"postgres://127.0.0.1:1/coffer?sslpassword=" + secret + "&connect_timeout=soon",
		"host=127.0.0.1 port=1 password=" + secret,
		secret,
	} {
		err := firstUse(t.Context(), u)
		if !errors.Is(err, store.ErrUnreachable) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func firstUse(ctx context.Context, url string) error {
	d, err := Open(ctx, url, Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Ledger(ctx)
	return err
}

func TestNobodyThereIsUnreachableAndAnEndedContextIsToldAsThat(t *testing.T) {
	d, err := Open(t.Context(), "postgres://127.0.0.1:1/coffer", Options{})
	if err != nil {
		t.Fatalf("Open connects: %v", err)
	}
	defer d.Close()
	nothing := func() error { t.Error("the function ran"); return nil }
	for what, use := range map[string]func(context.Context) error{
		"View":       func(ctx context.Context) error { return d.View(ctx, func(store.Reader) error { return nothing() }) },
		"Update":     func(ctx context.Context) error { return d.Update(ctx, func(store.Tx) error { return nothing() }) },
		"Migrations": func(ctx context.Context) error { _, err := d.Migrations(ctx); return err },
		"Migrate":    func(ctx context.Context) error { _, err := d.Migrate(ctx); return err },
		"Hold":       func(ctx context.Context) error { _, err := d.Hold(ctx, "run"); return err },
	} {
		if err := use(t.Context()); !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%s = %v", what, err)
		}
		ended, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		if err := use(ended); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%s with a context that has ended = %v", what, err)
		}
		cancel()
	}
}

func TestADatabaseThatIsNotThereIsUnreachable(t *testing.T) {
	u, err := url.Parse(pgtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "_not"
	if err := firstUse(t.Context(), u.String()); !errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Ledger = %v", err)
	}
}

func TestF04AReplicaIsRefused(t *testing.T) {
	c, err := pgtest.Start(pgtest.Options{Standby: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	err = firstUse(t.Context(), c.URL())
	if !errors.Is(err, store.ErrUnreachable) || !errors.Is(err, errReplica) || !strings.Contains(err.Error(), "replica") {
		t.Errorf("Ledger = %v", err)
	}
}
