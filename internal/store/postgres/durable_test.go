package postgres

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"coffer.internal/internal/store"
	"coffer.internal/internal/store/postgres/pgtest"
)

func migrated(t *testing.T, url string) *DB {
	t.Helper()
	d, err := Open(t.Context(), url, Options{PoolSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// Every commit that was answered is on disk, whatever the server does for others.
func TestACommitIsFlushedThoughTheServerWouldNot(t *testing.T) {
	for server, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		dsn := pgtest.DSN(t)
		d := migrated(t, dsn)
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := pgtest.Exec(t.Context(), dsn, "ALTER DATABASE "+u.Path[1:]+" SET synchronous_commit = "+server); err != nil {
			t.Fatal(err)
		}
		d.pool.Reset() // sessions of before the change
		var got string
		if err := d.pool.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got); err != nil || got != want {
			t.Errorf("where the database says %s, a session has %q, %v", server, got, err)
		}
	}
}

func TestAServerThatTakesNoWritesIsRefused(t *testing.T) {
	dsn := pgtest.DSN(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := pgtest.Exec(t.Context(), dsn, "ALTER DATABASE "+u.Path[1:]+" SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Ledger(t.Context()); !errors.Is(err, store.ErrUnreachable) || !errors.Is(err, errReadOnly) {
		t.Errorf("Ledger = %v", err)
	}
}

// cutter stands between the adapter and the server. Armed, it cuts the connection that speaks next: after the server has
// answered, or before it has heard.
type cutter struct {
	to string

	mu           sync.Mutex
	armed, heard bool
}

func (c *cutter) arm(heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.heard = true, heard
}

// cuts says whether it is armed, and disarms it.
func (c *cutter) cuts() (yes, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	yes, c.armed = c.armed, false
	return yes, c.heard
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	answers := make(chan bool, 1) // false: they are kept back
	answers <- true
	go func() {
		defer client.Close()
		message := make([]byte, 64<<10)
		for {
			n, err := server.Read(message)
			pass := <-answers
			answers <- pass
			if err != nil || !pass {
				return
			}
			if _, err := client.Write(message[:n]); err != nil {
				return
			}
		}
	}()
	message := make([]byte, 64<<10)
	for {
		n, err := client.Read(message)
		if err != nil {
			return
		}
		cut, heard := c.cuts()
		if cut {
			<-answers
			answers <- false
		}
		if cut && !heard {
			return
		}
		if _, err := server.Write(message[:n]); err != nil {
			return
		}
		if cut {
			_, _ = io.Copy(io.Discard, client) // until the answer, kept back, closes it
			return
		}
	}
}

// throughCutter is another way to the same database.
func throughCutter(t *testing.T, dsn string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cut-") // short: a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	c := &cutter{to: filepath.Join(u.Query().Get("host"), socket)}
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	u.RawQuery = url.Values{"host": {dir}}.Encode()
	return c, u.String()
}

func TestF33ACommitWithoutAnAnswerHasAnUnknownOutcome(t *testing.T) {
	dsn := pgtest.DSN(t)
	plain := migrated(t, dsn)
	c, through := throughCutter(t, dsn)
	d, err := Open(t.Context(), through, Options{PoolSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	add := func(address string, before, after func()) error {
		return d.Update(t.Context(), func(tx store.Tx) error {
			before()
			_, err := tx.AddWallet(t.Context(), store.Wallet{Address: address, ChainType: "evm", ChainID: 1, WalletType: "hot", Active: true})
			after()
			return err
		})
	}
	nothing := func() {}
	there := func(address string) bool {
		var found []store.Wallet
		err := plain.View(t.Context(), func(r store.Reader) (err error) {
			found, err = r.Wallets(t.Context(), store.WalletFilter{Address: address})
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return len(found) == 1
	}
	if err := add("first", nothing, nothing); err != nil { // which prepares the statements
		t.Fatal(err)
	}
	for _, x := range []struct {
		cut           string
		before, after func()
		want          error
		there         bool
	}{
		{"after the commit", nothing, func() { c.arm(true) }, store.ErrOutcomeUnknown, true},
		{"on the way to the commit", nothing, func() { c.arm(false) }, store.ErrOutcomeUnknown, false},
		{"before the commit", func() { c.arm(true) }, nothing, store.ErrUnreachable, false},
	} {
		if err := add(x.cut, x.before, x.after); !errors.Is(err, x.want) || errors.Is(err, store.ErrOutcomeUnknown) != (x.want == store.ErrOutcomeUnknown) {
			t.Errorf("cut %s: Update = %v", x.cut, err)
		}
		if got := there(x.cut); got != x.there {
			t.Errorf("cut %s: it is there: %v", x.cut, got)
		}
		if err := add("next, "+x.cut, nothing, nothing); err != nil {
			t.Errorf("cut %s, it does not go on: %v", x.cut, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
