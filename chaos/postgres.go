package main

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
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// pair is PostgreSQL at two places: at one the primary, at the other its synchronous standby. Both are as durable as in
// production. When the primary dies, the standby is promoted, and a new standby is made where the primary was. In between nobody
// waits for a standby, and the promise that nothing is lost does not hold: no strike comes then.
type pair struct {
	crew    *crew
	bin     string
	owner   *syscall.Credential // nil: this process's own
	servers [2]*server
	primary int
}

// server is one of the two places.
type server struct {
	name string
	dir  string // of its socket; its data is below
	run  *child
}

// port only names the socket: nothing listens on the network.
const port = 5432

const database = "coffer"

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// url is the superuser's way into one server's database.
func (s *server) url(db string) string { return dsn(db, "", s.dir) }

// dsn is a connection string with all the places, of which a client takes the one that takes writes.
func dsn(db, application string, dirs ...string) string {
	q := url.Values{"host": {strings.Join(dirs, ",")}, "port": {strings.TrimSuffix(strings.Repeat(strconv.Itoa(port)+",", len(dirs)), ",")}}
	if application != "" {
		q.Set("application_name", application)
	}
	if len(dirs) > 1 {
		q.Set("target_session_attrs", "read-write")
	}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + db, RawQuery: q.Encode()}).String()
}

func (p *pair) dsn(application string) string {
	return dsn(database, application, p.servers[0].dir, p.servers[1].dir)
}

// startPair makes both servers under dir, and an empty database.
func startPair(ctx context.Context, c *crew, dir string) (*pair, error) {
	p := &pair{crew: c}
	var err error
	if p.bin, err = postgresPrograms(); err != nil {
		return nil, err
	}
	if p.owner, err = postgresUser(); err != nil {
		return nil, err
	}
	for i, name := range []string{"a", "b"} {
		s := &server{name: "postgres-" + name, dir: filepath.Join(dir, "pg-"+name)}
		p.servers[i] = s
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return nil, err
		}
		if p.owner != nil {
			if err := os.Chown(s.dir, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
				return nil, err
			}
		}
	}
	first := p.servers[0]
	if _, err := output(p.command(ctx, first, "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", first.data())); err != nil {
		return nil, err
	}
	if err := p.start(ctx, first); err != nil {
		return nil, err
	}
	if err := execute(ctx, first.url("postgres"), "CREATE DATABASE "+database); err != nil {
		return nil, err
	}
	return p, p.addStandby(ctx)
}

func (p *pair) command(ctx context.Context, s *server, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	return cmd
}

func (p *pair) start(ctx context.Context, s *server) (err error) {
	cmd := p.command(context.WithoutCancel(ctx), s, "postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "shared_buffers=128MB", "-c", "synchronous_commit=on", "-c", "hot_standby=on")
	if s.run, err = p.crew.start(s.name, cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return until(ctx, s.name, 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		err := execute(ctx, s.url("postgres"), "SELECT 1")
		return err == nil, err
	})
}

// addStandby copies the primary to the other place, and makes the primary wait for it with every commit.
func (p *pair) addStandby(ctx context.Context) error {
	primary, standby := p.servers[p.primary], p.servers[1-p.primary]
	if err := os.RemoveAll(standby.data()); err != nil {
		return err
	}
	if _, err := output(p.command(ctx, standby, "pg_basebackup", "-h", primary.dir, "-p", strconv.Itoa(port), "-U", "postgres",
		"-D", standby.data(), "-R", "-c", "fast", "-X", "stream", "--no-sync")); err != nil {
		return err
	}
	if err := p.start(ctx, standby); err != nil {
		return err
	}
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err := execute(ctx, primary.url("postgres"), sql); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return until(ctx, "the standby to be synchronous", 20*time.Millisecond, p.synchronous)
}

// synchronous says whether every commit of the primary is on the standby before it is answered.
func (p *pair) synchronous(ctx context.Context) (ok bool, err error) {
	conn, err := pgx.Connect(ctx, p.servers[p.primary].url("postgres"))
	if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync')
		AND current_setting('synchronous_standby_names') = '*'`).Scan(&ok)
	return ok, errors.Join(err, conn.Close(ctx))
}

// failOver kills every process of the primary and promotes its synchronous standby.
func (p *pair) failOver(ctx context.Context) error {
	if ok, err := p.synchronous(ctx); !ok || err != nil {
		return errors.Join(errors.New("the standby is not synchronous, so the primary may not be killed"), err)
	}
	killPostmaster(p.servers[p.primary].run)
	p.primary = 1 - p.primary
	return execute(ctx, p.servers[p.primary].url("postgres"), "SELECT pg_promote(true, 60)")
}

// cut ends the connections of coffer's processes to the primary.
func (p *pair) cut(ctx context.Context) error {
	return execute(ctx, p.servers[p.primary].url("postgres"),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+database+"' AND application_name = 'coffer'")
}

// killPostmaster kills a server with its backends, so that none of them still does anything when its data is removed.
func killPostmaster(k *child) {
	_ = k.cmd.Process.Signal(syscall.SIGSTOP) // it starts no other backend
	pids := childrenOf(k.pid())
	k.kill()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range pids {
		for alive(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// childrenOf are the processes that a process has started.
func childrenOf(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		for f := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// alive says whether a process does anything still; one that nobody has waited for does not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// execute runs SQL on a connection of its own.
func execute(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// postgresPrograms is the folder of initdb and postgres: the one on PATH, else the newest of Debian's.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb is neither on PATH nor under /usr/lib/postgresql: `make postgres` installs it")
	}
	version := func(initdb string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// postgresUser is who runs the servers: PostgreSQL refuses root.
func postgresUser() (*syscall.Credential, error) {
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
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}
