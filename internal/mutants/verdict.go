package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
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
const patience = 5 * time.Minute

// baseline knows of each test whether it runs and passes where nothing is taken away.
type baseline struct {
	dir string // for what is built

	mu       sync.Mutex
	packages map[string]*built
	tests    map[[2]string]*verdict // by package and test
}

// built is the tests of a package, built without a mutant.
type built struct {
	once   sync.Once
	binary string
	text   []byte
	err    error
}

// verdict is what came of a test without a mutant.
type verdict struct {
	once sync.Once
	err  error
}

// check runs a mutant's test in a tree without mutants, once.
func (b *baseline) check(ctx context.Context, tree string, m mutant) error {
	p, v := b.of(m)
	v.once.Do(func() {
		p.once.Do(func() { p.text, p.err = build(ctx, tree, m.pkg, p.binary) })
		text, err := p.text, p.err
		if err == nil {
			text, err = runTest(ctx, tree, m, p.binary)
		}
		v.err = passed(m.test, text, err)
	})
	return v.err
}

func (b *baseline) of(m mutant) (*built, *verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, v := b.packages[m.pkg], b.tests[[2]string{m.pkg, m.test}]
	if p == nil {
		p = &built{binary: filepath.Join(b.dir, fmt.Sprintf("package-%d.test", len(b.packages)))}
		b.packages[m.pkg] = p
	}
	if v == nil {
		v = &verdict{}
		b.tests[[2]string{m.pkg, m.test}] = v
	}
	return p, v
}

// killed is nil if the test of a mutant that was applied notices it.
func killed(ctx context.Context, tree string, m mutant) error {
	binary := tree + ".test"
	text, err := build(ctx, tree, m.pkg, binary)
	if err == nil {
		text, err = runTest(ctx, tree, m, binary)
	}
	return noticed(m, text, err)
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
func noticed(m mutant, text []byte, err error) error {
	test := m.test
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
	case !bytes.Contains(text, []byte(m.shows)):
		return fmt.Errorf("%s fails, but does not show %q:\n%s", test, m.shows, tail(text))
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

// build builds the tests of a package as it stands in the tree.
func build(ctx context.Context, tree, pkg, binary string) ([]byte, error) {
	if err := os.Remove(binary); err != nil && !errors.Is(err, fs.ErrNotExist) { // another mutant's
		return nil, err
	}
	// -trimpath: what is built once is found again by every tree. Without vet and debug information it is built faster.
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-trimpath", "-vet=off", "-ldflags=-s -w", "-o", binary, pkg)
	cmd.Dir = tree
	if text, err := cmd.CombinedOutput(); err != nil {
		return text, fmt.Errorf("%w: %w", errBuild, err)
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("%s has no tests: %w", pkg, err)
	}
	return nil, nil
}

// runTest runs a mutant's test where its package stands.
func runTest(ctx context.Context, tree string, m mutant, binary string) ([]byte, error) {
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
	return text, err
}

func tail(b []byte) []byte { return b[max(0, len(b)-1500):] }
