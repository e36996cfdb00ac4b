package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long one test may take. A mutant that makes it hang longer is not killed: nothing was asserted.
const patience = 2 * time.Minute

// baseline knows of each test whether it runs and passes where nothing is taken away.
type baseline struct {
	mu   sync.Mutex
	seen map[[2]string]*verdict // by package and test
}

type verdict struct {
	once sync.Once
	err  error
}

// check runs a mutant's test in a tree without mutants, once.
func (b *baseline) check(ctx context.Context, tree string, m mutant) error {
	b.mu.Lock()
	key := [2]string{m.pkg, m.test}
	v := b.seen[key]
	if v == nil {
		v = &verdict{}
		b.seen[key] = v
	}
	b.mu.Unlock()
	v.once.Do(func() {
		text, err := runTest(ctx, tree, m)
		v.err = passed(m.test, text, err)
	})
	return v.err
}

// killed is nil if the test of a mutant that was applied notices it.
func killed(ctx context.Context, tree string, m mutant) error {
	text, err := runTest(ctx, tree, m)
	return noticed(m.test, text, err)
}

// passed judges a run without the mutant.
func passed(test string, text []byte, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s is red already:\n%s%w", test, tail(text), err)
	case reports("SKIP", test, text):
		return fmt.Errorf("%s is skipped here:\n%s", test, tail(text))
	case !reports("PASS", test, text):
		return fmt.Errorf("no test is called %s", test)
	}
	return nil
}

// noticed judges a run with the mutant.
func noticed(test string, text []byte, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return fmt.Errorf("%s passes without the guard", test)
	case errors.Is(err, errBuild):
		return fmt.Errorf("it does not build:\n%s", tail(text))
	case !errors.As(err, &exit):
		return err
	case bytes.Contains(text, []byte("\npanic: ")) || bytes.HasPrefix(text, []byte("panic: ")) || bytes.Contains(text, []byte("fatal error: ")):
		return fmt.Errorf("%s asserts nothing, it panics or hangs:\n%s", test, tail(text))
	case !reports("FAIL", test, text):
		return fmt.Errorf("%s does not fail, something else does:\n%s", test, tail(text))
	}
	return nil
}

var result = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+) \(`)

// reports says whether a test that the -run pattern names has this result. A pattern with slashes names subtests: their
// parents' results say nothing.
func reports(what, test string, text []byte) bool {
	for _, r := range result.FindAllSubmatch(text, -1) {
		if string(r[1]) == what && strings.Count(string(r[2]), "/") >= strings.Count(test, "/") {
			return true
		}
	}
	return false
}

var errBuild = errors.New("it does not build")

// runTest builds a mutant's package as it stands in the tree, and runs the test.
func runTest(ctx context.Context, tree string, m mutant) ([]byte, error) {
	binary := tree + ".test"
	// -trimpath: what is built once is found again by every tree. Without vet and debug information it is built faster.
	build := exec.CommandContext(ctx, "go", "test", "-c", "-trimpath", "-vet=off", "-ldflags=-s -w", "-o", binary, m.pkg)
	build.Dir = tree
	if text, err := build.CombinedOutput(); err != nil {
		return text, fmt.Errorf("%w: %w", errBuild, err)
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("%s has no tests: %w", m.pkg, err)
	}
	test := exec.CommandContext(ctx, binary, "-test.v", "-test.run", m.test, "-test.timeout", patience.String())
	test.Dir = filepath.Join(tree, filepath.FromSlash(m.pkg))
	// A group of its own, so that what a failing test left running ends with it.
	test.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func() error { return syscall.Kill(-test.Process.Pid, syscall.SIGKILL) }
	test.Cancel = group
	test.WaitDelay = time.Second // such a process may hold the output open
	text, err := test.CombinedOutput()
	if test.Process != nil {
		_ = group() // nobody is left of it, if all is well
	}
	return text, errors.Join(err, os.Remove(binary))
}

func tail(b []byte) []byte { return b[max(0, len(b)-1500):] }
