package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// settingsDigest puts the digest of this home's settings into $DIGEST.
//
//	digest
func settingsDigest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: digest")
	}
	out, err := scriptOutput(ts, "coffer", "config", "--json")
	ts.Check(err)
	var c configView
	ts.Check(json.Unmarshal([]byte(out), &c))
	ts.Setenv("DIGEST", c.Digest)
}

// setting writes a line at the end of this home's coffer.toml.
//
//	setting LINE…
func setting(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: setting LINE…")
	}
	path := filepath.Join(ts.Getenv("COFFER_HOME"), "coffer.toml")
	text, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, append(text, strings.Join(args, "\n")+"\n"...), 0o600))
}
