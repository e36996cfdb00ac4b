package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/rogpeppe/go-internal/testscript"
)

// The programs of docs/typescript.md pay real withdrawals, with everything in SQLite and with everything in PostgreSQL.
func TestTypeScriptOfThePage(t *testing.T) {
	testscript.Run(t, scripts("testdata/typescript"))
}

func TestTypeScriptOfThePageOnPostgres(t *testing.T) {
	testscript.Run(t, scriptsOnPostgres(t, "testdata/typescript"))
}

var block = regexp.MustCompile("(?s)```typescript\n// (([a-z]+)\\.ts)\n.*?```")

// strict is how the page's programs are compiled. Node 20 runs what comes out.
const strict = `{"compilerOptions":{"strict":true,"noUncheckedIndexedAccess":true,"noUnusedLocals":true,"module":"nodenext",
"target":"es2023","types":["node"],"typeRoots":["TYPES"],"outDir":".","rootDir":"."},"files":[FILES]}`

// typescript compiles the programs of a page into a folder, where node runs them.
//
//	typescript FOLDER
func typescript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: typescript FOLDER")
	}
	tools := os.Getenv("COFFER_TESTTOOLS")
	if tools == "" {
		tools = "../../testtools"
	}
	tools, err := filepath.Abs(tools)
	ts.Check(err)
	compiler := filepath.Join(tools, "node_modules", "typescript", "bin", "tsc")
	if _, err := os.Stat(compiler); err != nil {
		ts.Fatalf("%v: install it with `make tools`", err)
	}
	page, err := os.ReadFile("../../docs/typescript.md")
	ts.Check(err)
	folder := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(folder, 0o700))
	files := ""
	for _, b := range block.FindAllSubmatch(page, -1) {
		text := b[0][len("```typescript\n") : len(b[0])-len("```")]
		ts.Check(os.WriteFile(filepath.Join(folder, string(b[1])), text, 0o600))
		files += `,"` + string(b[1]) + `"`
	}
	if files == "" {
		ts.Fatalf("the page has no programs")
	}
	config := regexp.MustCompile("TYPES|FILES").ReplaceAllStringFunc(strict, func(what string) string {
		return map[string]string{"TYPES": filepath.Join(tools, "node_modules", "@types"), "FILES": files[1:]}[what]
	})
	ts.Check(errors.Join(
		os.WriteFile(filepath.Join(folder, "tsconfig.json"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o600)))
	if out, err := exec.Command("node", compiler, "-p", folder).CombinedOutput(); err != nil {
		ts.Fatalf("the programs of the page do not compile: %v\n%s", err, out)
	}
}

// balance holds an account on the chain to what it must have.
//
//	balance ADDRESS WEI
func balance(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: balance ADDRESS WEI")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := ethclient.DialContext(ctx, ts.Getenv("NODE"))
	ts.Check(err)
	defer client.Close()
	has, err := client.BalanceAt(ctx, common.HexToAddress(args[0]), nil)
	ts.Check(err)
	if has.String() != args[1] {
		ts.Fatalf("%s has %s wei, want %s", args[0], has, args[1])
	}
}
