package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	pass    = "=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n"
	fail    = "=== RUN   TestA\n    a_test.go:7: wrong\n--- FAIL: TestA (0.00s)\nFAIL\n"
	subPass = "=== RUN   TestA\n=== RUN   TestA/b\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/b (0.00s)\nPASS\n"
	subFail = "=== RUN   TestA\n=== RUN   TestA/b\n--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n"
	nothing = "testing: warning: no tests to run\nPASS\n"
)

// exit is what running a test that fails gives.
func exit(t *testing.T) error {
	t.Helper()
	err := exec.CommandContext(t.Context(), "false").Run()
	if err == nil {
		t.Fatal("false succeeded")
	}
	return err
}

func TestOnlyAnAssertionOfTheNamedTestKills(t *testing.T) {
	red := exit(t)
	for name, c := range map[string]struct {
		test, text string
		err        error
		killed     bool
	}{
		"it fails":                     {"^TestA$", fail, red, true},
		"a subtest of it fails":        {"^TestA$/b", subFail, red, true},
		"it passes":                    {"^TestA$", pass, nil, false},
		"it is not there":              {"^TestA$", nothing, nil, false},
		"it does not build":            {"^TestA$", "# coffer.internal/x\nx.go:1:1: undefined", errors.Join(errBuild, red), false},
		"its parent fails before it":   {"^TestA$/b", fail, red, false},
		"it panics":                    {"^TestA$", fail + "panic: nil map [recovered, repanicked]\n", red, false},
		"it hangs":                     {"^TestA$", "=== RUN   TestA\npanic: test timed out after 5m0s\n", red, false},
		"TestMain fails":               {"^TestA$", "no database\n", red, false},
		"the binary cannot be started": {"^TestA$", "", exec.ErrNotFound, false},
	} {
		if err := noticed(mutant{test: c.test}, []byte(c.text), c.err); (err == nil) != c.killed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASetIsKilledOnlyByTheTextThatItNames(t *testing.T) {
	m := mutant{test: "^TestA$", shows: "the attacker has"}
	if err := noticed(m, []byte(fail), exit(t)); err == nil {
		t.Error("it fails for another reason, and that counts")
	}
	robbed := strings.Replace(fail, "wrong", "the attacker has 7", 1)
	if err := noticed(m, []byte(robbed), exit(t)); err != nil {
		t.Error(err)
	}
}

func TestATestThatSaysNothingWithoutTheMutantKillsNone(t *testing.T) {
	for name, c := range map[string]struct {
		test, text string
		err        error
		sound      bool
	}{
		"it passes":                 {"^TestA$", pass, nil, true},
		"a subtest of it passes":    {"^TestA$/b", subPass, nil, true},
		"it is red already":         {"^TestA$", fail, exit(t), false},
		"it is not there":           {"^TestA$", nothing, nil, false},
		"its subtest is not there":  {"^TestA$/c", pass, nil, false},
		"it is skipped":             {"^TestA$", "=== RUN   TestA\n--- SKIP: TestA (0.00s)\nPASS\n", nil, false},
		"it does not build at all":  {"^TestA$", "# coffer.internal/x", errBuild, false},
		"its package has no binary": {"^TestA$", "", os.ErrNotExist, false},
	} {
		if err := passed(c.test, []byte(c.text), c.err); (err == nil) != c.sound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPatchThatChangesNothingIsAnError(t *testing.T) {
	tree := t.TempDir()
	if err := os.WriteFile(filepath.Join(tree, "f"), []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const patch = "guard: g\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
	content := func() string {
		b, err := os.ReadFile(filepath.Join(tree, "f"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if err := apply(t.Context(), tree, []byte(patch)); err != nil || content() != "b\n" {
		t.Fatalf("%q, %v", content(), err)
	}
	if err := apply(t.Context(), tree, []byte(patch)); err == nil {
		t.Error("it applied twice")
	}
	if err := apply(t.Context(), tree, []byte(patch), "-R"); err != nil || content() != "a\n" {
		t.Errorf("%q, %v", content(), err)
	}
	if err := apply(t.Context(), tree, []byte("guard: g\n")); err == nil {
		t.Error("no patch at all applied")
	}
	// Below a repository too.
	if out, err := exec.CommandContext(t.Context(), "git", "init", "-q", tree).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	below := filepath.Join(tree, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(below, "f"), []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree = below
	if err := apply(t.Context(), below, []byte(patch)); err != nil || content() != "b\n" {
		t.Errorf("below a repository: %q, %v", content(), err)
	}
}

// Each guard has one mutant, whose header is complete and whose files are there.
// testsOf are the names of a package's tests.
func testsOf(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", dir, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
			names = append(names, string(name[1]))
		}
	}
	return names
}

func TestEveryMutantCanBeRead(t *testing.T) {
	all, err := load("testdata", regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	guards := map[string]string{}
	changed := regexp.MustCompile(`(?m)^--- a/(\S+)$`)
	for _, m := range all {
		if other := guards[m.guard]; other != "" {
			t.Errorf("%s and %s take away the same guard", m.name, other)
		}
		guards[m.guard] = m.name
		patch := bytes.Join(m.patches, nil)
		for _, f := range append(changed.FindAllSubmatch(patch, -1), [][]byte{nil, []byte(m.pkg)}) {
			if _, err := os.Stat(filepath.Join("../..", string(f[1]))); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
		if _, err := regexp.Compile(m.test); err != nil || !strings.HasPrefix(m.test, "^Test") || !bytes.Contains(patch, []byte("\n+++ b/")) {
			t.Errorf("%s: test: %s, %v", m.name, m.test, err)
		}
	}
	tests := map[string][]string{} // by package
	for _, m := range all {
		if tests[m.pkg] == nil {
			tests[m.pkg] = testsOf(t, filepath.Join("../..", m.pkg))
		}
		top, _, _ := strings.Cut(m.test, "/")
		if named, err := regexp.Compile(top); err == nil && !slices.ContainsFunc(tests[m.pkg], named.MatchString) {
			t.Errorf("%s: %s has no test %s", m.name, m.pkg, top)
		}
	}
	if !slices.IsSortedFunc(all, func(a, b mutant) int { return strings.Compare(a.pkg, b.pkg) }) {
		t.Error("those of one package are not beside each other")
	}
	for name, text := range map[string]string{
		"no guard":       "package: ./p\ntest: ^TestA$\n--- a/f\n+++ b/f\n",
		"several":        "guard: g\npackage: ./...\ntest: ^TestA$\n--- a/f\n+++ b/f\n",
		"no patch":       "guard: g\npackage: ./p\ntest: ^TestA$\n",
		"a strange line": "guard: g\npackage: ./p\ntest: ^TestA$\nflags: -short\n--- a/f\n+++ b/f\n",
		"a set's line":   "guard: g\npackage: ./p\ntest: ^TestA$\nwithout: a\n--- a/f\n+++ b/f\n",
	} {
		if m, err := parse(name, patchFile, []byte(text)); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	patch := "guard: g\npackage: ./p\ntest: ^TestA$\nattack: %s\n--- a/f\n+++ b/f\n"
	if m, err := parse("p", patchFile, fmt.Appendf(nil, patch, "01-a, 02-b")); err != nil || len(m.attacks()) != 2 || m.attacks()[1].name != "p@02-b" {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := parse("p", patchFile, fmt.Appendf(nil, patch, "none: it is about a word")); err != nil || len(m.attacks()) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	set := "guard: g\npackage: ./p\ntest: ^TestA$\nwithout: a, b\nshows: it is gone\n"
	if m, err := parse("a set", setFile, []byte(set)); err != nil || !slices.Equal(m.without, []string{"a", "b"}) || m.shows != "it is gone" {
		t.Errorf("%+v, %v", m, err)
	}
	for name, text := range map[string]string{
		"a set of nothing":   "guard: g\npackage: ./p\ntest: ^TestA$\n",
		"a set with a patch": set + "--- a/f\n+++ b/f\n",
	} {
		if m, err := parse(name, setFile, []byte(text)); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestPatchesOfASetAreAppliedInOrderAndCounted(t *testing.T) {
	tree := t.TempDir()
	file := filepath.Join(tree, "f")
	if err := os.WriteFile(file, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	step := func(from, to string) []byte {
		return []byte("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-" + from + "\n+" + to + "\n")
	}
	n, err := applyAll(t.Context(), tree, [][]byte{step("a", "b"), step("b", "c"), step("x", "y")})
	if b, _ := os.ReadFile(file); n != 2 || err == nil || string(b) != "c\n" {
		t.Errorf("%d applied, %v, and it holds %q", n, err, b)
	}
}
