package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coffer.internal/internal/store/postgres/pgtest"
)

// fleet is a home with its database, and the coffer processes that work on it.
type fleet struct {
	*testing.T
	home string
	url  string // of the database
}

// onBoth runs a test with real processes on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(*fleet)) {
	t.Helper()
	for name, url := range map[string]func(t *testing.T, home string) string{
		"sqlite":   func(_ *testing.T, home string) string { return "sqlite:" + filepath.Join(home, "coffer.db") },
		"postgres": func(t *testing.T, _ string) string { return pgtest.DSN(t) },
	} {
		t.Run(name, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "home")
			f := &fleet{T: t, home: home, url: url(t, home)}
			f.must("init")
			test(f)
		})
	}
}

// oneDaemon says whether the database is driven by one daemon at most.
func (f *fleet) oneDaemon() bool { return strings.HasPrefix(f.url, "sqlite:") }

func (f *fleet) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "COFFER_TEST_MAIN=1", "COFFER_HOME="+f.home, "COFFER_DB="+f.url, "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// coffer runs a command to its end.
func (f *fleet) coffer(args ...string) (stdout, stderr string, code int) {
	f.Helper()
	var out, talk bytes.Buffer
	cmd := f.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &talk
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		f.Fatal(err)
	}
	return out.String(), talk.String(), code
}

func (f *fleet) must(args ...string) string {
	f.Helper()
	stdout, stderr, code := f.coffer(args...)
	if code != 0 {
		f.Fatalf("coffer %s: exit %d\n%s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// member is a long-lived process of the fleet.
type member struct {
	f     *fleet
	cmd   *exec.Cmd
	log   *syncBuffer
	ended chan struct{}
}

func (f *fleet) start(args ...string) *member {
	f.Helper()
	m := &member{f: f, cmd: f.command(args...), log: &syncBuffer{}, ended: make(chan struct{})}
	m.cmd.Stderr = m.log
	if err := m.cmd.Start(); err != nil {
		f.Fatal(err)
	}
	go func() {
		defer close(m.ended)
		_ = m.cmd.Wait()
	}()
	f.Cleanup(func() { m.signal(syscall.SIGKILL); <-m.ended })
	return m
}

func (m *member) pid() int { return m.cmd.Process.Pid }

func (m *member) signal(s os.Signal) { _ = m.cmd.Process.Signal(s) } // it may have ended

// instances is what `cache-status --json` prints.
type instances struct {
	Generation int64          `json:"generation"`
	Instances  []instanceView `json:"instances"`
}

func (i instances) of(pid int) (v instanceView, there bool) {
	for _, v := range i.Instances {
		if v.PID == pid {
			return v, true
		}
	}
	return v, false
}

func (f *fleet) status() (s instances) {
	f.Helper()
	if err := json.Unmarshal([]byte(f.must("cache-status", "--json")), &s); err != nil {
		f.Fatal(err)
	}
	return s
}

// until polls the status.
func (f *fleet) until(what string, ok func(instances) bool) {
	f.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		s := f.status()
		if ok(s) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			f.Fatalf("it never came to this: %s; %+v", what, s)
		}
	}
}

func (f *fleet) untilKind(m *member, kind string) {
	f.Helper()
	f.until(fmt.Sprintf("process %d is a %s", m.pid(), kind), func(s instances) bool {
		v, there := s.of(m.pid())
		return there && v.Kind == kind && v.State == "live"
	})
}

// silence makes a process's last heartbeat 15 seconds older, as if it had been silent for so long.
func (f *fleet) silence(m *member) {
	f.Helper()
	var err error
	if path, ok := strings.CutPrefix(f.url, "sqlite:"); ok {
		err = execSQLite(path, fmt.Sprintf("UPDATE instances SET heartbeat_at = "+
			"strftime('%%Y-%%m-%%dT%%H:%%M:%%f', heartbeat_at, '-15 seconds') || '000Z' WHERE pid = %d", m.pid()))
	} else {
		err = pgtest.Exec(f.Context(), f.url, fmt.Sprintf("UPDATE instances SET heartbeat_at = heartbeat_at - interval '15 s' WHERE pid = %d", m.pid()))
	}
	if err != nil {
		f.Fatal(err)
	}
}

func execSQLite(path, statement string) (err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(30000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(context.Background(), statement)
	return err
}

func TestTwoDaemonsObeyClearCacheAndAKilledOneShowsAsStale(t *testing.T) {
	onBoth(t, func(f *fleet) {
		first := f.start("run")
		f.untilKind(first, "run")
		waits := "run" // on PostgreSQL daemons share the wallets
		if f.oneDaemon() {
			waits = "standby"
			if _, stderr, code := f.coffer("run"); code != 4 || !strings.Contains(stderr, "--standby") {
				f.Errorf("a second daemon: exit %d\n%s", code, stderr)
			}
		}
		second := f.start("run", "--standby")
		f.untilKind(second, waits)

		if got := f.must("clear-cache"); got != "generation 1: acknowledged 2/2\n" {
			f.Errorf("clear-cache says %q", got)
		}
		s := f.status()
		for _, m := range []*member{first, second} {
			if v, _ := s.of(m.pid()); v.Generation != 1 || v.State != "live" || v.Host == "" || v.Version == "" {
				f.Errorf("process %d: %+v", m.pid(), v)
			}
		}

		first.signal(syscall.SIGKILL)
		<-first.ended
		f.untilKind(second, "run") // it takes over
		if f.oneDaemon() {
			second.log.until(f.T, "taking over")
		}
		f.silence(first)
		if v, there := f.status().of(first.pid()); !there || v.State != "stale" || v.Kind != "run" {
			f.Errorf("the killed one: %+v", v)
		}
		stdout, stderr, code := f.coffer("clear-cache")
		if code != 0 || stdout != "generation 2: acknowledged 1/1\n" || !strings.Contains(stderr, "it is stale: ") ||
			!strings.Contains(stderr, fmt.Sprintf("process %d", first.pid())) {
			f.Errorf("clear-cache: exit %d, %q\n%s", code, stdout, stderr)
		}

		f.must("create-internal", "0x52908400098527886E0F7030069857D2E4169EE7", "1", "evm", "cold")
		f.until("the daemon heard that a wallet was made", func(s instances) bool {
			v, _ := s.of(second.pid())
			return s.Generation == 3 && v.Generation == 3
		})

		second.signal(syscall.SIGTERM)
		<-second.ended
		if code := second.cmd.ProcessState.ExitCode(); code != 0 {
			f.Errorf("stopped as it was told, it exits with %d\n%s", code, second.log)
		}
		stdout, stderr, code = f.coffer("cache-status")
		if code != 0 || strings.Contains(stdout, fmt.Sprint(second.pid())) || !strings.Contains(stdout, "stale") ||
			!strings.Contains(stderr, "no process is running") {
			f.Errorf("cache-status: exit %d\n%s%s", code, stdout, stderr)
		}
	})
}

func TestAProcessThatHangsDoesNotAcknowledge(t *testing.T) {
	onBoth(t, func(f *fleet) {
		awake := f.start("run")
		f.untilKind(awake, "run")
		hangs := f.start("run", "--standby")
		f.until("it is there", func(s instances) bool { _, there := s.of(hangs.pid()); return there })
		hangs.signal(syscall.SIGSTOP)
		stdout, stderr, code := f.coffer("clear-cache")
		if code != 7 || stdout != "generation 1: acknowledged 1/2\n" || !strings.Contains(stderr, fmt.Sprintf("process %d", hangs.pid())) {
			f.Errorf("clear-cache: exit %d, %q\n%s", code, stdout, stderr)
		}
		s := f.status()
		if v, _ := s.of(awake.pid()); v.Generation != 1 {
			f.Errorf("the one that is awake: %+v", v)
		}
		if v, _ := s.of(hangs.pid()); v.Generation != 0 {
			f.Errorf("the one that hangs: %+v", v)
		}
		hangs.signal(syscall.SIGCONT)
		f.until("it obeys when it goes on", func(s instances) bool {
			v, _ := s.of(hangs.pid())
			return v.Generation == 1
		})
	})
}

func TestAFileOfWithdrawalsAttendsWhileItIsRead(t *testing.T) {
	onBoth(t, func(f *fleet) {
		cmd := f.command("withdraw", "--file", "-")
		in, err := cmd.StdinPipe()
		if err != nil {
			f.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			f.Fatal(err)
		}
		m := &member{cmd: cmd}
		f.untilKind(m, "withdraw")
		if err := in.Close(); err != nil {
			f.Fatal(err)
		}
		_ = cmd.Wait() // an empty file is an error, which others test
		if s := f.status(); len(s.Instances) != 0 {
			f.Errorf("it has ended, and is still there: %+v", s.Instances)
		}
	})
}

// syncBuffer is what a process writes while it is read.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) until(t *testing.T, what string) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(b.String(), what) {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("it never says %q:\n%s", what, b)
		}
	}
}
