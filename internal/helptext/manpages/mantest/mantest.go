// Package mantest checks a program's manual pages: for tests.
package mantest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"coffer.internal/internal/helptext"
	"coffer.internal/internal/helptext/manpages"
)

// bold is how a terminal of paper writes bold letters: twice in one place.
var bold = regexp.MustCompile(".\x08")

// Run writes the pages twice and holds them to their form; with a folder, they are left there.
func Run(t *testing.T, newRoot func() *cobra.Command, exitCodes, folder string) {
	pages := write(t, newRoot(), exitCodes, t.TempDir())
	again := write(t, newRoot(), exitCodes, t.TempDir())
	all := helptext.All(newRoot())
	if len(pages) != len(all) {
		t.Errorf("%d pages of %d commands", len(pages), len(all))
	}
	for name, text := range pages {
		if !bytes.Equal(text, again[name]) {
			t.Errorf("%s is not the same twice", name)
		}
		check(t, name, string(text))
	}
	render(t, pages)
	if folder != "" {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, newRoot(), exitCodes, folder)
	}
}

func write(t *testing.T, root *cobra.Command, exitCodes, dir string) map[string][]byte {
	t.Helper()
	if err := manpages.Write(root, dir, exitCodes); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, root.Name()+"*.1"))
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(f)] = text
	}
	return pages
}

// check looks at the structure: the title without a date, and the sections in the order that people expect.
func check(t *testing.T, name, text string) {
	t.Helper()
	title := strings.ToUpper(strings.TrimSuffix(name, ".1"))
	_, rest, found := strings.Cut(strings.ReplaceAll(text, `\-`, "-"), `.TH "`+title+`" "1" "" `)
	if !found {
		t.Errorf("%s has no title of its own without a date: %.200s", name, text)
	}
	for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLE", "EXIT STATUS"} {
		if _, rest, found = strings.Cut(rest, ".SH "+section+"\n"); !found {
			t.Errorf("%s has no %s in its place", name, section)
			return
		}
	}
	if !strings.Contains(rest, "\n.TP\n2\nusage\n") && !strings.Contains(rest, "\n.TP\n2\n") {
		t.Errorf("%s does not say what exit code 2 is", name)
	}
}

// render has every page set by mandoc or groff, where one of them is installed.
func render(t *testing.T, pages map[string][]byte) {
	t.Helper()
	command := []string{"mandoc", "-Tutf8", "-Werror"}
	if _, err := exec.LookPath("mandoc"); err != nil {
		command = []string{"groff", "-man", "-Tutf8", "-ww", "-k"}
		if _, err := exec.LookPath("groff"); err != nil {
			t.Log("neither mandoc nor groff is installed: the pages' structure is checked, their setting is not")
			return
		}
	}
	for name, text := range pages {
		set := exec.Command(command[0], command[1:]...)
		set.Stdin = bytes.NewReader(text)
		var out, talk bytes.Buffer
		set.Stdout, set.Stderr = &out, &talk
		err := set.Run()
		if plain := bold.ReplaceAllString(out.String(), ""); err != nil || !strings.Contains(plain, "EXIT STATUS") {
			t.Errorf("%s cannot be set: %v\n%s", name, err, talk.String())
		}
	}
}
