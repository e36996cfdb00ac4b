// Command mutants breaks each guard of coffer on purpose and sees whether its named test notices.
//
// A mutant is a small patch in testdata with three lines above it: what it takes away (guard:), where the test stands
// (package:) and what it is called (test:, a -run pattern). Each is applied to a copy of the tree; the test must then fail. A
// mutant that does not apply, does not build, or is not noticed fails the run.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	only := flag.String("run", "", "only mutants whose file name matches this regular expression")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, out io.Writer) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	files, err := filepath.Glob("internal/mutants/testdata/*.patch")
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("no patches found; run it from the project's root: make mutants"))
	}
	tree, err := copyTree(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	alive, tried := 0, 0
	for _, f := range files {
		if !match.MatchString(filepath.Base(f)) {
			continue
		}
		tried++
		if err := try(ctx, tree, f, out); err != nil {
			alive++
			fmt.Fprintf(out, "ALIVE   %s: %v\n", filepath.Base(f), err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Fprintf(out, "%d mutants, %d killed, %d alive\n", tried, tried-alive, alive)
	if alive > 0 {
		return errors.New("a guard has no test that fails without it")
	}
	return nil
}

// mutant is a patch with its header.
type mutant struct {
	guard, pkg, test string
	patch            []byte
}

func read(file string) (mutant, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return mutant{}, err
	}
	var m mutant
	header, _, _ := bytes.Cut(b, []byte("\n--- "))
	lines := bufio.NewScanner(bytes.NewReader(header))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "guard":
			m.guard = value
		case "package":
			m.pkg = value
		case "test":
			m.test = value
		}
	}
	if m.guard == "" || m.pkg == "" || m.test == "" {
		return mutant{}, errors.New("its header lacks guard:, package: or test:")
	}
	m.patch = b
	return m, nil
}

// try applies one mutant, runs its test, and takes the mutant out again. nil means that the test noticed.
func try(ctx context.Context, tree, file string, out io.Writer) (err error) {
	m, err := read(file)
	if err != nil {
		return err
	}
	if err := apply(ctx, tree, m.patch); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apply(ctx, tree, m.patch, "-R")) }()
	start := time.Now()
	cmd := exec.CommandContext(ctx, "go", "test", "-trimpath", "-count=1", "-run", m.test, m.pkg)
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "COFFER_TESTTOOLS="+testtools())
	text, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return fmt.Errorf("%s in %s passes without the guard: %s", m.test, m.pkg, m.guard)
	case !bytes.Contains(text, []byte("--- FAIL: ")):
		return fmt.Errorf("no test failed, it just broke:\n%s", tail(text))
	}
	fmt.Fprintf(out, "killed  %-44s %5.1fs  %s\n", filepath.Base(file), time.Since(start).Seconds(), m.guard)
	return nil
}

func apply(ctx context.Context, tree string, patch []byte, more ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"apply"}, more...)...)
	cmd.Dir = tree
	cmd.Stdin = bytes.NewReader(patch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply: %w\n%s", err, text)
	}
	return nil
}

// copyTree copies every file that git knows, as it stands, to a new folder.
func copyTree(ctx context.Context) (string, error) {
	names, err := exec.CommandContext(ctx, "git", "ls-files", "-z").Output()
	if err != nil {
		return "", fmt.Errorf("list the files: %w", err)
	}
	tree, err := os.MkdirTemp("", "coffer-mutants-")
	if err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if err := copyFile(name, filepath.Join(tree, name)); err != nil {
			return "", errors.Join(err, os.RemoveAll(tree))
		}
	}
	return tree, nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, st.Mode().Perm())
}

// testtools is where npm's packages are: the copy has none of its own.
func testtools() string {
	dir, err := filepath.Abs("testtools")
	if err != nil {
		return "testtools"
	}
	return dir
}

func tail(b []byte) []byte { return b[max(0, len(b)-1500):] }
