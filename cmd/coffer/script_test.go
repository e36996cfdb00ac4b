package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/store/postgres/pgtest"
)

// The signing machine, built once. Scripts make and open many vaults, so theirs is the test binary of coffer-signer, in which
// that costs little; signerBinary is the real one.
var signerBinary, scriptSigner string

func TestMain(m *testing.M) {
	if os.Getenv("COFFER_TEST_MAIN") != "" { // this binary as the daemon
		os.Exit(Main())
	}
	testscript.Main(signerBuilt{m}, map[string]func(){"coffer": func() { os.Exit(Main()) }})
}

type signerBuilt struct{ *testing.M }

func (m signerBuilt) Run() int {
	dir, err := os.MkdirTemp("", "coffer-script-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	signerBinary, scriptSigner = filepath.Join(dir, "real", "coffer-signer"), filepath.Join(dir, "scripts", "coffer-signer")
	for _, args := range [][]string{{"build", "-o", signerBinary}, {"test", "-vet=off", "-c", "-o", scriptSigner}} {
		if out, err := exec.Command("go", append(args, "coffer.internal/cmd/coffer-signer")...).CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	return m.M.Run()
}

// Every behaviour of the command line is a script in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/script"))
}

// scripts are those of a folder, each in a home of its own with the default database.
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:       dir,
		Condition: database("sqlite"),
		Setup: func(env *testscript.Env) error {
			env.Values["daemon"] = &process{}
			env.Values["machines"] = map[string]*process{}
			env.Values["chain"] = &scriptChain{}
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("COFFER_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("COFFER_SIGNER_HOME", filepath.Join(env.WorkDir, "signer"))
			env.Setenv("TZ", "UTC")
			env.Setenv("PATH", filepath.Dir(scriptSigner)+string(os.PathListSeparator)+env.Getenv("PATH"))
			return os.WriteFile(filepath.Join(env.WorkDir, "passphrase"), []byte("correct horse battery staple\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve, "serve-tls": serveTLS, "node": startNode, "fund": fund, "daemon": daemon,
			"liar": liar, "status": exitsWith,
			"bytes": writeBytes, "lines": writeLines, "repeat": repeat, "truncate": truncate, "mkfifo": mkfifo,
			"cut": cut, "query": query, "blocks": blocks, "proxy": proxy, "cause": cause, "suggested": suggested, "until": until, "unserve": unserve,
			"typescript": typescript, "balance": balance, "sql": runSQL, "ledger": ledgerOf,
			"killed": killed, "coldvault": coldVault, "person": person, "as": as, "digest": settingsDigest, "setting": setting,
		},
	}
}

// database is the condition in a script that asks which database it runs on: [sqlite], [postgres].
func database(name string) func(string) (bool, error) {
	return func(cond string) (bool, error) {
		if cond != "sqlite" && cond != "postgres" {
			return false, fmt.Errorf("unknown condition %q", cond)
		}
		return cond == name, nil
	}
}

// scriptsOnPostgres are the same with everything in PostgreSQL, each in a database of its own.
func scriptsOnPostgres(t *testing.T, dir string) testscript.Params {
	p := scripts(dir)
	setup := p.Setup
	p.Condition = database("postgres")
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("COFFER_DB", pgtest.DSN(t))
		return setup(env)
	}
	return p
}
