package attack

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	pageTest     = regexp.MustCompile("`(Test\\w+)(?:/([^`]*))?`")
)

// testFunctions are those of the whole module.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
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
		for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
			there[m[1]] = true
		}
		return err
	})
	must(t, err)
	return there
}

func TestThePageOfThreatsNamesTestsThatAreThere(t *testing.T) {
	page, err := os.ReadFile("../docs/threat-model.md")
	must(t, err)
	there, named := testFunctions(t), map[string]bool{}
	attempts := map[string]bool{}
	for _, a := range everyAttempt() {
		attempts[a.name] = true
	}
	for _, m := range pageTest.FindAllStringSubmatch(string(page), -1) {
		if !there[m[1]] {
			t.Errorf("docs/threat-model.md names %s, and there is no such test", m[1])
		}
		if m[1] == "TestAttack" && !strings.HasSuffix(m[2], "…") {
			named[m[2]] = true
			if !attempts[m[2]] {
				t.Errorf("docs/threat-model.md names the attempt %s, and there is none", m[2])
			}
		}
	}
	for name := range attempts {
		if !named[name] {
			t.Errorf("docs/threat-model.md does not name the attempt %s", name)
		}
	}
	if len(attempts) < 30 {
		t.Errorf("%d attempts", len(attempts))
	}
}

// Each attempt has a set of guards, and each set an attempt.
func TestEachAttemptHasASetOfGuardsWithoutWhichItSucceeds(t *testing.T) {
	files, err := filepath.Glob("../internal/mutants/testdata/attack-*.set")
	must(t, err)
	sets := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "attack-"), ".set")
		sets[name] = true
		for _, line := range []string{"package: ./attack\n", "test: ^TestAttack$/^" + name + "$\n", "shows: the attacker has\n"} {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s has no line %q", f, line)
			}
		}
	}
	for _, a := range everyAttempt() {
		if !sets[a.name] {
			t.Errorf("attempt %s has no set of guards", a.name)
		}
		delete(sets, a.name)
	}
	for name := range sets {
		t.Errorf("there is no attempt %s", name)
	}
}
