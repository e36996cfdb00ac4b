package coffer_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// elsewhere are the failures that do not concern EVM's engine: the parts that meet them are built later.
var elsewhere = map[string]string{
	"F35": "fee caps in the signing machine's policy",
}

var (
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	failureName  = regexp.MustCompile(`F[0-9]{2}`)
	subtestName  = regexp.MustCompile(`"((?:F[0-9]{2}[ :])[^"]*)"`)
	pageTest     = regexp.MustCompile("`(Test\\w+)(?:/[^`]*)?`")
	pageMutant   = regexp.MustCompile("(?m)^\\| `([a-z0-9A-F-]+)` \\|.*Test")
	pageFailure  = regexp.MustCompile("(?m)^\\| (F[0-9]{2}) \\|.*`Test")
)

// testNames are all test functions of the module, and all failures that stand in the name of one or of a subtest.
func testNames(t *testing.T) (functions, failures map[string]bool) {
	t.Helper()
	functions, failures = map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
			functions[m[1]] = true
			for _, f := range failureName.FindAllString(m[1], -1) {
				failures[f] = true
			}
		}
		for _, m := range subtestName.FindAllStringSubmatch(string(text), -1) {
			failures[failureName.FindString(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return functions, failures
}

func TestEachFailureOfOtherSystemsHasATestThatThePageNames(t *testing.T) {
	page, err := os.ReadFile("docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range pageFailure.FindAllStringSubmatch(string(page), -1) {
		listed[m[1]] = true
	}
	_, failures := testNames(t)
	for n := 1; n <= 38; n++ {
		f := fmt.Sprintf("F%02d", n)
		if elsewhere[f] != "" {
			continue
		}
		if !failures[f] {
			t.Errorf("no test has %s in its name", f)
		}
		if !listed[f] {
			t.Errorf("docs/testing.md names no test of %s", f)
		}
	}
}

func TestTheTestsAndMutantsThatThePageNamesAreThere(t *testing.T) {
	page, err := os.ReadFile("docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	functions, _ := testNames(t)
	for _, m := range pageTest.FindAllStringSubmatch(string(page), -1) {
		if !functions[m[1]] {
			t.Errorf("docs/testing.md names %s, and there is no such test", m[1])
		}
	}
	mutants := pageMutant.FindAllStringSubmatch(string(page), -1)
	for _, m := range mutants {
		if _, err := os.Stat("internal/mutants/testdata/" + m[1] + ".patch"); err != nil {
			t.Errorf("docs/testing.md names the mutant %s: %v", m[1], err)
		}
	}
	if len(mutants) < 12 {
		t.Errorf("docs/testing.md names %d guards of the engine with their mutants", len(mutants))
	}
}
