package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.internal/internal/chain/evm/rpcproxy"
	"coffer.internal/withdrawal"
)

// Each cause that a payment can wait for is made by a fault on real parts, and what explain suggests is run, and ends the wait.
func TestExplainScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/explain"))
}

// blocks has the script's node make no blocks, or make them again.
//
//	blocks withhold|carry
func blocks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "withhold" && args[0] != "carry" {
		ts.Fatalf("usage: blocks withhold|carry")
	}
	ts.Value("chain").(*scriptChain).node.Withhold(args[0] == "withhold")
}

// proxy puts a connection to the node beside it, under another URL: $PROXY.
//
//	proxy
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: proxy")
	}
	p, err := rpcproxy.Start(ts.Getenv("NODE"))
	ts.Check(err)
	ts.Defer(p.Close)
	ts.Setenv("PROXY", p.URL())
}

// explanation is what explain says of a request now.
func explanation(ts *testscript.TestScript, request string) (e withdrawal.Explanation) {
	out, err := scriptOutput(ts, "coffer", "explain", request, "--json")
	ts.Check(err)
	ts.Check(json.Unmarshal([]byte(out), &e))
	return e
}

func scriptOutput(ts *testscript.TestScript, program string, args ...string) (string, error) {
	path := os.Args[0] // coffer is this binary
	if program != "coffer" {
		path = program
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "COFFER_TEST_MAIN=1", "HOME="+ts.Getenv("HOME"), "COFFER_HOME="+ts.Getenv("COFFER_HOME"), "COFFER_DB="+ts.Getenv("COFFER_DB"), "TZ=UTC")
	out, err := cmd.Output()
	return string(out), err
}

// cause waits until explain gives a payment one of the causes.
//
//	cause REQUEST CAUSE…
func cause(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: cause REQUEST CAUSE…")
	}
	deadline := time.Now().Add(60 * time.Second)
	var e withdrawal.Explanation
	for time.Now().Before(deadline) {
		e = explanation(ts, args[0])
		for _, want := range args[1:] {
			if string(e.Cause) == want {
				ts.Logf("%s: %s; %s", e.Cause, e.Why, e.Next)
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("it never comes to %v: %s, because %s; %s", args[1:], e.Cause, e.Why, e.Next)
}

// suggested runs the first command that explain suggests for a payment and that matches, as an operator would: with a reason for TEXT.
//
//	suggested REQUEST PATTERN
func suggested(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: suggested REQUEST PATTERN")
	}
	want := regexp.MustCompile(args[1])
	e := explanation(ts, args[0])
	for _, c := range e.Commands {
		if !want.MatchString(c) {
			continue
		}
		ts.Logf("run: %s", c)
		switch words := strings.Fields(strings.ReplaceAll(c, "TEXT", "because")); {
		case c == "coffer run":
			daemon(ts, false, []string{"start"})
		case strings.HasPrefix(c, "coffer-signer serve "):
			serve(ts, false, nil)
		default:
			ts.Check(ts.Exec(words[0], words[1:]...))
		}
		return
	}
	ts.Fatalf("%s suggests %q, none of which is %s", e.Cause, e.Commands, args[1])
}

// until runs a command until its standard output matches.
//
//	until PATTERN COMMAND…
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND…")
	}
	want := regexp.MustCompile(args[0])
	out := ""
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		if out, err = scriptOutput(ts, args[1], args[2:]...); err == nil && want.MatchString(out) {
			_, _ = io.WriteString(ts.Stdout(), out)
			return
		}
	}
	ts.Fatalf("%v never says %s:\n%s", args[1:], args[0], out)
}

// unserve kills the signing machine of this home.
//
//	unserve
func unserve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: unserve")
	}
	ts.Value("machines").(map[string]*process)[ts.Getenv("COFFER_HOME")].kill()
}
