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

var (
	patchedFile = regexp.MustCompile(`(?m)^--- a/(\S+)$`)
	attackLine  = regexp.MustCompile(`(?m)^attack: (.+)$`)
)

// Each guard of the signing machine that is broken on purpose is in the set of an attempt, or its patch names attempts that succeed without
// it alone, or says why none does.
func TestEveryGuardOfTheSigningMachineIsTakenFromAnAttackerOrSaysWhyNot(t *testing.T) {
	patches, err := filepath.Glob("../internal/mutants/testdata/*.patch")
	must(t, err)
	inSet, attempts, shown := guardsInSets(t), map[string]bool{}, 0
	for _, a := range everyAttempt() {
		attempts[a.name] = true
	}
	for _, file := range patches {
		b, err := os.ReadFile(file)
		must(t, err)
		text, name := string(b), strings.TrimSuffix(filepath.Base(file), ".patch")
		header, _, _ := strings.Cut(text, "\n--- a/")
		line := attackLine.FindStringSubmatch(header)
		switch {
		case line == nil && inSet[name]:
			shown++
		case line == nil:
			if ofTheSigningMachine(text) {
				t.Errorf("%s: it is in the set of no attempt, and has no line \"attack: ATTEMPT\" or \"attack: none: REASON\"", name)
			}
		case strings.HasPrefix(line[1], "none: "):
			if inSet[name] {
				t.Errorf("%s: it is in a set, and says that no attempt succeeds without it", name)
			}
		default:
			shown++
			for _, a := range strings.Split(line[1], ", ") {
				if !attempts[a] {
					t.Errorf("%s: there is no attempt %s", name, a)
				}
			}
		}
	}
	t.Logf("%d guards keep an attacker from something that an attempt shows", shown)
}

// guardsInSets are those that are taken away with others.
func guardsInSets(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../internal/mutants/testdata/attack-*.set")
	must(t, err)
	in := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		_, without, _ := strings.Cut(string(text), "\nwithout: ")
		without, _, _ = strings.Cut(without, "\n")
		for _, name := range strings.Split(without, ", ") {
			in[name] = true
		}
	}
	return in
}

// ofTheSigningMachine says whether a patch changes what the signing machine is built of.
func ofTheSigningMachine(patch string) bool {
	for _, f := range patchedFile.FindAllStringSubmatch(patch, -1) {
		for _, part := range []string{"internal/signer/", "cmd/coffer-signer/", "signing/"} {
			if strings.HasPrefix(f[1], part) {
				return true
			}
		}
	}
	return false
}
