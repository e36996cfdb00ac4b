package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options are what may be chosen of a cluster.
type Options struct {
	// Fsync keeps fsync, synchronous_commit and full_page_writes on, as they are in production: for benchmarks and tests of
	// durability. Without it a cluster is faster and survives no power cut.
	Fsync bool
	// Standby starts a server that is for ever in recovery, as a replica without a primary is. It can be read.
	Standby bool
}

// Cluster is a running throwaway PostgreSQL.
type Cluster struct {
	dir  string
	stop func() error
}

// startWithin ends the wait for a server that does not come up.
const startWithin = 60 * time.Second

// Start makes a cluster and starts it. It stops with Stop, or when this process ends, however that ends.
func Start(o Options) (_ *Cluster, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	owner, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := makeDir(owner)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", data)
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	// 64 processes with small pools, and every test package of a run at the same time.
	settings := []string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=600", "-c", "shared_buffers=128MB"}
	if !o.Fsync {
		settings = append(settings, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	if o.Standby {
		if err := os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o644); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	stop, ended, err := supervise(filepath.Join(bin, "postgres"), settings, dir, owner)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c := &Cluster{dir: dir, stop: stop}
	if err := c.await(ended); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // it only adds to the error
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, log), c.Stop())
	}
	return c, nil
}

// URL is the superuser's way into the cluster's first database.
func (c *Cluster) URL() string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{"host": {c.dir}}.Encode()}).String()
}

// Stop ends the server at once and removes its files. A second Stop does nothing.
func (c *Cluster) Stop() error { return c.stop() }

// await tries until the server answers.
func (c *Cluster) await(ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("postgres ended by itself: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}

// binaries is the folder of initdb and postgres: the one on PATH, else the newest of Debian's.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("initdb is neither on PATH nor under /usr/lib/postgresql: `make postgres` installs it")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
	return filepath.Dir(newest), nil
}

func versionOf(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // a name that is no number sorts first
	return n
}

// serverUser is who runs the server: PostgreSQL refuses root. nil is the user of this process.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

// makeDir makes the cluster's folder. Its path is short: a socket's may have no more than 107 bytes.
func makeDir(owner *syscall.Credential) (string, error) {
	parent := os.TempDir()
	if len(parent) > 60 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "coffer-pg-")
	if err != nil || owner == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}
