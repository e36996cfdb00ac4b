package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// programs are the two real binaries, built from this tree, and the homes they live in.
type programs struct {
	dir    string // holds everything; removed at the end
	coffer string
	signer string
}

func build(ctx context.Context, dir string) (programs, error) {
	p := programs{dir: dir, coffer: filepath.Join(dir, "bin", "coffer"), signer: filepath.Join(dir, "bin", "coffer-signer")}
	for _, pkg := range []string{"coffer.internal/cmd/coffer", "coffer.internal/cmd/coffer-signer"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "bin")+string(filepath.Separator), pkg)
		if out, err := cmd.CombinedOutput(); err != nil {
			return programs{}, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	return p, nil
}

func (p programs) home() string       { return filepath.Join(p.dir, "coffer") }
func (p programs) database() string   { return filepath.Join(p.home(), "coffer.db") }
func (p programs) passphrase() string { return filepath.Join(p.dir, "passphrase") }

// environment is that of both programs: nothing of the operator's own coffer, should there be one, is touched.
func (p programs) environment() []string {
	env := []string{"COFFER_HOME=" + p.home(), "COFFER_SIGNER_HOME=" + filepath.Join(p.dir, "signer")}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "COFFER_") {
			env = append(env, e)
		}
	}
	return env
}

// output runs a command to its end and returns what it printed.
func (p programs) output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = p.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// child is a program that runs beside the demo. It is waited for by its own goroutine, which kill and stop wait for.
type child struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

func (p programs) start(program, name string, args ...string) (*child, error) {
	logPath := filepath.Join(p.dir, name+".log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Env = p.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	c := &child{cmd: cmd, log: logPath, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // killed on purpose, more often than not
		_ = log.Close()
	}()
	return c, nil
}

func (c *child) signal(s syscall.Signal) error { return c.cmd.Process.Signal(s) }

// kill ends the child at once, with SIGKILL, and waits until it is gone.
func (c *child) kill() error {
	err := c.signal(syscall.SIGKILL)
	<-c.done
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s had ended by itself; its log is %s", c.cmd.Path, c.log)
	}
	return err
}

// tail is the end of the child's log, for an error.
func (c *child) tail() string {
	b, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// until asks again and again whether something is so. It gives up when ctx ends, saying what it waited for.
func until(ctx context.Context, what string, every time.Duration, so func(context.Context) (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, err := so(ctx)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}
