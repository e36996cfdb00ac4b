package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"coffer.internal/internal/store/postgres/pgtest"
)

// changeLine is a line of `tx list --since`.
type changeLine struct {
	Cursor  string `json:"cursor"`
	At      string `json:"at"`
	Request string `json:"request"`
	State   string `json:"state"`
	Outcome string `json:"outcome"`
	Actor   string `json:"actor"`
}

// follower is `tx list --follow` and what it prints.
type follower struct {
	*member
	lines chan changeLine
}

func (f *fleet) follow(args ...string) *follower {
	f.Helper()
	cmd := f.command(append([]string{"tx", "list", "--follow"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	m := &member{f: f, cmd: cmd, log: &syncBuffer{}, ended: make(chan struct{})}
	cmd.Stderr = m.log
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	fo := &follower{m, make(chan changeLine, 100)}
	go func() {
		defer close(m.ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			var l changeLine
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				l.Request = err.Error()
			}
			fo.lines <- l
		}
		_ = cmd.Wait()
	}()
	f.Cleanup(func() { m.signal(syscall.SIGKILL); <-m.ended })
	return fo
}

// next is the next line's request and state.
func (f *follower) next() changeLine {
	f.f.Helper()
	select {
	case l := <-f.lines:
		return l
	case <-time.After(30 * time.Second):
		f.f.Fatalf("it prints nothing:\n%s", f.log)
		return changeLine{}
	}
}

// withdraws has a withdrawal accepted that nobody pays.
func (f *fleet) withdraws(request string) {
	f.Helper()
	f.must("withdraw", "--chain-id", "31337", "--to", "0x52908400098527886E0F7030069857D2E4169EE7", "--amount", "1", "--request", request)
}

func (f *fleet) chain() {
	f.Helper()
	err := os.WriteFile(filepath.Join(f.home, "coffer.toml"), []byte("[chain.evm.31337]\nrpc = [\"http://127.0.0.1:1\"]\n"), 0o600)
	if err != nil {
		f.Fatal(err)
	}
}

func TestWhoFollowsSeesEachChangeOnceWhateverHappensBetween(t *testing.T) {
	onBoth(t, func(f *fleet) {
		f.chain()
		f.withdraws("w-1")
		first := f.follow()
		if l := first.next(); l.Request != "w-1" || l.State != "queued" || l.Cursor == "" || !strings.Contains(l.Actor, "@") || !strings.HasSuffix(l.At, "Z") {
			f.Errorf("line: %+v", l)
		}
		f.withdraws("w-2")
		l := first.next()
		if l.Request != "w-2" {
			f.Errorf("line: %+v", l)
		}
		if strings.HasPrefix(f.url, "postgres") {
			if err := pgtest.Exec(f.Context(), f.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "+
				"AND datname = current_database()"); err != nil {
				f.Fatal(err)
			}
		}
		f.withdraws("w-3")
		if l := first.next(); l.Request != "w-3" {
			f.Errorf("line: %+v", l)
		}
		first.signal(os.Interrupt)
		<-first.ended
		if code := first.cmd.ProcessState.ExitCode(); code != 130 {
			f.Errorf("Ctrl-C ends it with %d", code)
		}
		f.withdraws("w-4")
		second := f.follow("--since", l.Cursor)
		for _, want := range []string{"w-3", "w-4"} {
			if l := second.next(); l.Request != want {
				f.Errorf("after w-2: %+v, want %s", l, want)
			}
		}
	})
}
