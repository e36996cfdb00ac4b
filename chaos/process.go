package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// programs are the real binaries, built from this tree.
type programs struct{ coffer, signer, node string }

func build(ctx context.Context, dir string) (programs, error) {
	bin := filepath.Join(dir, "bin")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin+string(filepath.Separator),
		"coffer.internal/cmd/coffer", "coffer.internal/cmd/coffer-signer", "coffer.internal/chaos/node")
	if out, err := cmd.CombinedOutput(); err != nil {
		return programs{}, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return programs{filepath.Join(bin, "coffer"), filepath.Join(bin, "coffer-signer"), filepath.Join(bin, "node")}, nil
}

// crew is all the processes of a run. One that ends though nobody ended it is told to fell.
type crew struct {
	dir  string // of the logs
	fell func(error)

	mu   sync.Mutex
	all  []*child
	over bool
}

// child is one process. It has a process group of its own, so that Ctrl-C on the terminal is the run's alone, and dies with the
// run, however that ends.
type child struct {
	name    string
	cmd     *exec.Cmd
	log     string
	done    chan struct{} // closed when it has ended
	ordered atomic.Bool   // somebody here ends it, or it may end by itself
}

// start starts a process whose standard error, and output if it has no other, goes to its log.
func (c *crew) start(name string, cmd *exec.Cmd) (*child, error) { return c.launch(name, cmd, false) }

// startMayEnd is start for a process that may end by itself.
func (c *crew) startMayEnd(name string, cmd *exec.Cmd) (*child, error) {
	return c.launch(name, cmd, true)
}

func (c *crew) launch(name string, cmd *exec.Cmd, mayEnd bool) (*child, error) {
	path := filepath.Join(c.dir, name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil, errors.Join(errors.New("the run is over"), log.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	k := &child{name: name, cmd: cmd, log: path, done: make(chan struct{})}
	k.ordered.Store(mayEnd)
	c.all = append(c.all, k)
	go func() {
		err := cmd.Wait()
		_ = log.Close()
		close(k.done)
		if !k.ordered.Load() {
			c.fell(fmt.Errorf("%s ended by itself: %w\n%s", name, orElse(err, errors.New("exit 0")), k.tail()))
		}
	}()
	return k, nil
}

func orElse(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

// end kills all that still runs, in the reverse of the order in which it was started, and waits for it.
func (c *crew) end() {
	c.mu.Lock()
	c.over = true
	all := c.all
	c.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		all[i].kill()
	}
}

func (k *child) signal(s syscall.Signal) error {
	if err := k.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", k.name, err)
	}
	return nil
}

// kill ends it at once, with SIGKILL, and waits until it is gone.
func (k *child) kill() {
	k.ordered.Store(true)
	_ = k.cmd.Process.Kill() // it may be gone already
	<-k.done
}

// stop ends it as an operator would, with SIGTERM, and waits until it is gone.
func (k *child) stop(ctx context.Context) error {
	k.ordered.Store(true)
	if err := k.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w", k.name, ctx.Err())
	}
}

func (k *child) pid() int { return k.cmd.Process.Pid }

// tail is the end of the log, for an error.
func (k *child) tail() string {
	b, err := os.ReadFile(k.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-3000):])
}

// output runs a command to its end and returns what it printed.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(append([]string{filepath.Base(cmd.Path)}, cmd.Args[1:]...), " "), err, stderr.Bytes())
	}
	return out, nil
}

// until asks again and again whether something is so. It gives up when ctx ends, saying what it waited for.
func until(ctx context.Context, what string, every time.Duration, so func(context.Context) (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, err := so(ctx)
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for %s: %w", what, context.Cause(ctx)), err)
		}
	}
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// line writes one line to a process.
func line(w io.Writer, text string) error {
	_, err := io.WriteString(w, text+"\n")
	return err
}
