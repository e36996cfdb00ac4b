package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"coffer.internal/internal/store"
)

// childEnv carries a job to a child process.
const childEnv = "COFFER_STORETEST_CHILD"

// job is what a child process does to a database.
type job struct {
	Name  string // of the database
	Do    string // increment, hold
	Times int
	ID    int64 // the wallet
}

// Main is the TestMain of an adapter: it runs the tests, or, in a child process of the suite, the child's job.
func Main(m *testing.M, open Open) int {
	text, child := os.LookupEnv(childEnv)
	if !child {
		return m.Run()
	}
	if err := runChild(context.Background(), text, open); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return 0
}

func runChild(ctx context.Context, text string, open Open) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	db, err := open(ctx, j.Name)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	switch j.Do {
	case "increment":
		for range j.Times {
			got, err := increment(ctx, db, j.ID)
			if err != nil {
				return err
			}
			fmt.Println(got) // only what is committed is printed
		}
		return nil
	case "hold":
		if _, err := db.Hold(ctx, "run"); err != nil {
			return err
		}
		fmt.Println("held")
		_, err := io.Copy(io.Discard, os.Stdin) // until killed
		return err
	default:
		return fmt.Errorf("no job %q", j.Do)
	}
}

// child is a process of the suite.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin io.Closer
}

func (w *world) child(j job) *child {
	w.Helper()
	j.Name = w.name
	text, err := json.Marshal(j)
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		w.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	c := &child{cmd: cmd, lines: bufio.NewScanner(out), stdin: in}
	w.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	return c
}

func testProcesses(t *testing.T, h Harness) {
	tests(t, h, map[string]func(*world){
		"several processes lose no update": func(w *world) {
			const children, times = 6, 25
			id := w.hot().ID
			var running []*child
			for range children {
				running = append(running, w.child(job{Do: "increment", Times: times, ID: id}))
			}
			seen := map[uint64]bool{}
			for _, c := range running {
				w.collect(c, seen)
				if err := c.cmd.Wait(); err != nil {
					w.Errorf("child: %v", err)
				}
			}
			if got := w.wallet(id).Nonce; got != children*times || len(seen) != children*times {
				w.Errorf("the cursor is %d and %d values were seen after %d increments", got, len(seen), children*times)
			}
		},

		"a process that is killed has committed all that it told": func(w *world) {
			id := w.hot().ID
			victim, other := w.child(job{Do: "increment", Times: 1 << 20, ID: id}), w.child(job{Do: "increment", Times: 40, ID: id})
			seen := map[uint64]bool{}
			for range 20 {
				if !victim.lines.Scan() {
					w.Fatal("the victim ended by itself")
				}
				w.see(victim.lines.Text(), seen)
			}
			if err := victim.cmd.Process.Kill(); err != nil {
				w.Fatal(err)
			}
			w.collect(victim, seen)
			w.collect(other, seen)
			if err := other.cmd.Wait(); err != nil {
				w.Errorf("the other process: %v", err)
			}
			// At most one increment of the victim was committed and not told.
			if got := w.wallet(id).Nonce; got != uint64(len(seen)) && got != uint64(len(seen))+1 {
				w.Errorf("the cursor is %d, and %d values were told", got, len(seen))
			}
		},

		"a held lock ends with its process": func(w *world) {
			c := w.child(job{Do: "hold"})
			if !c.lines.Scan() || c.lines.Text() != "held" {
				w.Fatal("the child does not hold the lock")
			}
			if _, err := w.db.Hold(w.ctx, "run"); !errors.Is(err, store.ErrHeld) {
				w.Fatalf("Hold = %v", err)
			}
			if err := c.cmd.Process.Kill(); err != nil {
				w.Fatal(err)
			}
			_ = c.cmd.Wait()
			held, err := w.holdBefore(10 * time.Second)
			if err != nil {
				w.Fatalf("after the holder was killed: %v", err)
			}
			if err := held.Release(); err != nil {
				w.Error(err)
			}
		},
	})
}

// holdBefore tries until the lock is free: a server notices the end of a process a moment later.
func (w *world) holdBefore(limit time.Duration) (store.Hold, error) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		held, err := w.db.Hold(w.ctx, "run")
		if !errors.Is(err, store.ErrHeld) {
			return held, err
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			return nil, err
		}
	}
}

// collect reads what a child prints until it ends.
func (w *world) collect(c *child, seen map[uint64]bool) {
	w.Helper()
	for c.lines.Scan() {
		w.see(c.lines.Text(), seen)
	}
}

func (w *world) see(line string, seen map[uint64]bool) {
	w.Helper()
	n, err := strconv.ParseUint(line, 10, 64)
	if err != nil {
		w.Fatalf("a child printed %q", line)
	}
	if seen[n] {
		w.Errorf("%d was given twice", n)
	}
	seen[n] = true
}
