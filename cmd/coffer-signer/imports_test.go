package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// update writes docs/signer-imports.txt anew: go test ./cmd/coffer-signer -run TestTheProgramLinks -update
var update = flag.Bool("update", false, "write docs/signer-imports.txt anew")

const (
	importsPage = "../../docs/signer-imports.txt"
	modulesPage = "../../docs/signer-modules.md"
)

// linked is what the program is made of on Linux, by a format of go list.
func linked(t *testing.T, format string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", format, ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	slices.Sort(lines)
	return slices.Compact(lines)
}

// Whatever is linked into the signing machine can move money: a package more is somebody's decision, seen in a review.
func TestTheProgramLinksThePackagesOfItsListAndNoOthers(t *testing.T) {
	now := linked(t, "{{if not .Standard}}{{.ImportPath}}{{end}}")
	if *update {
		if err := os.WriteFile(importsPage, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(importsPage)
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(text))
	for _, p := range now {
		if !slices.Contains(listed, p) {
			t.Errorf("it links %s, which is not in docs/signer-imports.txt: if it must, -update, and say why in docs/signer-modules.md", p)
		}
	}
	for _, p := range listed {
		if !slices.Contains(now, p) {
			t.Errorf("docs/signer-imports.txt has %s, which is not linked any more: -update", p)
		}
	}
	for _, p := range now {
		for _, foreign := range []string{
			"coffer.internal/internal/store", "coffer.internal/internal/chain", "coffer.internal/internal/config", "coffer.internal/internal/metrics",
			"coffer.internal/nonce", "coffer.internal/wallet", "coffer.internal/withdrawal", "coffer.internal/strategy",
			"github.com/jackc/", "modernc.org/", "github.com/ethereum/go-ethereum/rpc", "github.com/ethereum/go-ethereum/ethclient",
			"github.com/prometheus/", "github.com/gagliardetto/",
		} {
			if strings.HasPrefix(p, foreign) {
				t.Errorf("it links %s", p)
			}
		}
	}
}

// row is a line of the table of modules: its name, and why it is there.
var row = regexp.MustCompile("(?m)^\\| `([^` ]+)` \\| (\\S.*) \\|$")

func TestEveryModuleOfTheProgramIsJustified(t *testing.T) {
	text, err := os.ReadFile(modulesPage)
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		why[m[1]] = m[2]
	}
	now := linked(t, "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}")
	for _, m := range now {
		if why[m] == "" {
			t.Errorf("docs/signer-modules.md does not say why %s is there", m)
		}
		delete(why, m)
	}
	for m := range why {
		t.Errorf("docs/signer-modules.md has %s, which is not linked any more", m)
	}
}

// outgoing is what connects to somebody, asks somebody, or starts a program that could.
var outgoing = regexp.MustCompile(`\bnet\.Dial|\bnet\.Dialer|\btls\.Dial|\btls\.Client\(|\bhttp\.(Client|Transport|Get|Post|Head|PostForm|DefaultClient|DefaultTransport|NewRequest)\b|"os/exec"`)

// A signing machine that nobody can make connect anywhere cannot be made to carry anything out. What the commands use to speak to the
// machine that serves is internal/signer/client, which the machine itself does not import.
func TestTheSigningMachineConnectsToNobody(t *testing.T) {
	allowed := map[string]string{
		"internal/signer/socket.go": `net.DialTimeout("unix", s.Path, time.Second)`, // whether somebody listens on a socket of this machine
	}
	root := "../.."
	err := filepath.WalkDir(filepath.Join(root, "internal/signer"), func(path string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "internal/signer/client" || name == "internal/signer/btctx/btctest" || d.Name() == "testdata"): // the second is for tests alone
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(text), "\n") {
			if outgoing.MatchString(line) && (allowed[name] == "" || !strings.Contains(line, allowed[name])) {
				t.Errorf("%s:%d connects: %s", name, n+1, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(importsOf(t, "coffer.internal/internal/signer")) {
		if p == "coffer.internal/internal/signer/client" {
			t.Error("what serves imports the client")
		}
	}
}

func importsOf(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
