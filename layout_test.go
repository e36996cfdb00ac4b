package coffer_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "coffer.internal"

// goPackage is what these tests ask of `go list`.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) map[string]goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]goPackage{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[short(p.ImportPath)] = p
	}
}

// short is a path inside the module: "nonce", "internal/store/sqlite"; "." is coffer itself.
func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// ours are the imports of a package that lie in this module.
func (p goPackage) ours() []string {
	var ours []string
	for _, i := range p.Imports {
		if i == module || strings.HasPrefix(i, module+"/") {
			ours = append(ours, short(i))
		}
	}
	return ours
}

// under says whether a package is one of the folders or lies in one.
func under(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

var (
	domain   = []string{"wallet", "nonce", "strategy", "withdrawal", "signing"}
	adapters = []string{"internal/chain/evm", "internal/store/sqlite", "internal/store/postgres", "internal/signer", "internal/alerting", "internal/metrics"}
)

func TestTheDomainNeverImportsAnAdapter(t *testing.T) {
	for path, p := range list(t) {
		if !under(path, domain...) {
			continue
		}
		for _, i := range p.ours() {
			if under(i, adapters...) || under(i, "cmd", "demo", "bench", "sim", "internal/config") || i == "." {
				t.Errorf("%s imports %s", path, i)
			}
		}
	}
}

func TestAdaptersImportNeitherEachOtherNorTheDomain(t *testing.T) {
	for path, p := range list(t) {
		for _, a := range adapters {
			if !under(path, a) {
				continue
			}
			for _, i := range p.ours() {
				if under(i, "wallet", "nonce", "strategy", "withdrawal") || under(i, adapters...) && !under(i, a) {
					t.Errorf("%s imports %s", path, i)
				}
			}
		}
	}
}

func TestTheSigningMachineSharesNothingWithTheDatabase(t *testing.T) {
	all := list(t)
	for _, d := range all["cmd/coffer-signer"].Deps {
		for _, foreign := range []string{
			module + "/internal/store", module + "/nonce", module + "/wallet", module + "/withdrawal",
			"modernc.org/sqlite", "github.com/jackc/pgx", // database/sql itself comes along with go-ethereum's number types
		} {
			if strings.HasPrefix(d, foreign) {
				t.Errorf("coffer-signer links %s", d)
			}
		}
	}
}

func TestTheProductionProgramsDoNotLinkANode(t *testing.T) {
	all := list(t)
	for _, program := range []string{"cmd/coffer", "cmd/coffer-signer"} {
		if len(all[program].Deps) == 0 {
			t.Fatalf("%s is not there", program)
		}
		for _, d := range all[program].Deps {
			if d == "github.com/spf13/cobra/doc" {
				t.Errorf("%s links what writes manual pages", program)
			}
			if d == "github.com/ethereum/go-ethereum/node" || d == "github.com/ethereum/go-ethereum/eth" || strings.HasSuffix(d, "/gethnode") {
				t.Errorf("%s links %s", program, d)
			}
		}
	}
}

// What decodes our transactions in tests must not be what makes them; and whatever a signing machine links can move money.
func TestTheSigningMachineLinksWhatItNeedsOnly(t *testing.T) {
	all := list(t)
	for _, program := range []string{"cmd/coffer", "cmd/coffer-signer"} {
		for _, d := range all[program].Deps {
			for _, foreign := range []string{"github.com/gagliardetto", "go.uber.org/zap", "testing", module + "/internal/signer/btctx/btctest"} {
				if d == foreign || strings.HasPrefix(d, foreign+"/") {
					t.Errorf("%s links %s", program, d)
				}
			}
		}
	}
}

func TestTheRecountImportsNothingOfCoffer(t *testing.T) {
	all := list(t)
	for _, path := range []string{"demo/recount", "sim/recount", "sim/world"} {
		p, ok := all[path]
		if !ok {
			t.Fatalf("%s is not there", path)
		}
		for _, d := range p.Deps {
			if strings.HasPrefix(d, module) {
				t.Errorf("%s imports %s", path, d)
			}
		}
	}
}
