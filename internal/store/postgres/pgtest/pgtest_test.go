package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// childEnv makes the test binary a child that starts a cluster, prints its folder, and waits to be killed.
const childEnv = "COFFER_PGTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	c, err := Start(Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.dir)
	_, _ = io.Copy(io.Discard, os.Stdin) // ends when its input does
	os.Exit(0)                           // without a Stop
}

func TestAClusterEndsWithItsProcessHoweverThatEnds(t *testing.T) {
	for name, end := range map[string]func(*os.Process, io.Closer) error{
		"killed":         func(p *os.Process, _ io.Closer) error { return p.Kill() },
		"ended, no Stop": func(_ *os.Process, in io.Closer) error { return in.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"=1")
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			lines := bufio.NewScanner(out)
			if !lines.Scan() {
				t.Fatal("the child has no cluster")
			}
			c := &Cluster{dir: lines.Text()}
			if err := Exec(t.Context(), c.URL(), "SELECT 1"); err != nil {
				t.Fatal(err)
			}
			if err := end(cmd.Process, in); err != nil {
				t.Fatal(err)
			}
			gone(t, c)
		})
	}
}

// gone waits until a cluster's folder is removed, which its guard does when the server has ended.
func gone(t *testing.T, c *Cluster) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(stopWithin)
	defer limit.Stop()
	for {
		if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
			break
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("%s is still there", c.dir)
		}
	}
	if err := Exec(t.Context(), c.URL(), "SELECT 1"); err == nil {
		t.Error("the server still answers")
	}
}

func TestStopLeavesNothingAndMayBeSaidTwice(t *testing.T) {
	c, err := Start(Options{Fsync: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}
	gone(t, c)
}

func TestEachTestHasAnEmptyDatabaseOfItsOwn(t *testing.T) {
	var first string
	t.Run("one", func(t *testing.T) {
		first = DSN(t)
		second := DSN(t)
		for _, dsn := range []string{first, second} {
			if err := Exec(t.Context(), dsn, "CREATE TABLE mine (x int)"); err != nil {
				t.Error(err)
			}
		}
	})
	if err := Exec(context.Background(), first, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("after the test its database is still there: %v", err)
	}
}

func TestWhatIsShippedDoesNotLinkIt(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "coffer.internal/cmd/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "/pgtest") {
			t.Errorf("a program links %s", line)
		}
	}
}
