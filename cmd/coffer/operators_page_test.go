package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"coffer.internal/internal/store/postgres/pgtest"
)

// somebody is a person of the page, at a machine of his own.
type somebody struct {
	home string
	env  []string
}

// colleagues are the people of docs/operators.md. Alice and bob have an ssh-agent each and the same PostgreSQL; the auditor's machine
// reaches no database.
func colleagues(t *testing.T, dir string) map[string]*somebody {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{bin, filepath.Join(dir, "stick")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(bin, "coffer")); err != nil {
		t.Fatal(err)
	}
	db, all := pgtest.DSN(t), map[string]*somebody{}
	for _, name := range []string{"alice", "bob", "auditor"} {
		p := &somebody{home: filepath.Join(dir, name)}
		if err := os.MkdirAll(filepath.Join(p.home, ".ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		p.env = []string{"HOME=" + p.home, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "TZ=UTC", "COFFER_TEST_MAIN=1"}
		if name != "auditor" {
			socket, stop, err := startAgent()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			p.env = append(p.env, "SSH_AUTH_SOCK="+socket, "COFFER_DB="+db)
		}
		all[name] = p
	}
	return all
}

var personLine = regexp.MustCompile(`^(alice|bob|auditor)\$ (.*)$`)

// What docs/operators.md shows is what happens, with a real ssh-agent, OpenSSH's own keys, and PostgreSQL.
func TestTheTranscriptOfTheOperatorsPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	people := colleagues(t, dir)
	output, commands := "", 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.SplitSeq(strings.TrimSpace(block[1]), "\n") {
			if m := personLine.FindStringSubmatch(line); m != nil {
				output = people[m[1]].run(t, strings.ReplaceAll(m[2], "/media/stick", filepath.Join(dir, "stick")))
				commands++
			} else if !shows(output, line) {
				t.Fatalf("the page shows\n%s\nand what came was\n%s", line, output)
			}
		}
	}
	if commands < 25 {
		t.Errorf("only %d commands were found: is the pattern right?", commands)
	}
}

// run runs a line of shell at somebody's machine, and gives back all that it said.
func (p *somebody) run(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = p.home, p.env
	out, err := cmd.CombinedOutput()
	t.Logf("%s $ %s\n%s", filepath.Base(p.home), line, out)
	if err != nil && !strings.Contains(string(out), "coffer: ") {
		t.Fatalf("%s: %v", line, err)
	}
	return regexp.MustCompile(`(?m)^ +`).ReplaceAllString(string(out), "") // as shows wants it
}
