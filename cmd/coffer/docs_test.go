package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var (
	inlineCode  = regexp.MustCompile("`(coffer [^`$]*(?:\\$[A-Z][^`$]*)*)`") // $SAFE, and no ${…} of a program
	consoleLine = regexp.MustCompile(`(?m)^\s*\$ (?:bin/)?(coffer [^#\n]+)`)
)

// What the pages tell somebody to type is there: the verb, and every flag.
func TestEveryCommandInTheDocumentationExists(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range append(pages, "../../README.md", "../../README.zh-CN.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range append(inlineCode.FindAllStringSubmatch(string(text), -1), consoleLine.FindAllStringSubmatch(string(text), -1)...) {
			seen++
			if why := unknownCommand(found[1]); why != "" {
				t.Errorf("%s: `%s`: %s", filepath.Base(page), found[1], why)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d commands found: is the pattern right?", seen)
	}
}

// unknownCommand says what of a command line does not exist, or nothing.
func unknownCommand(line string) string {
	words := strings.Fields(line)[1:]
	if len(words) > 0 && words[0] == "help" {
		return ""
	}
	root := (&app{}).root()
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	if cmd == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		return "no such verb"
	}
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, "--"); ok && !hasFlag(cmd, strings.TrimRight(strings.SplitN(name, "=", 2)[0], "],.")) {
			return "no flag --" + name
		}
	}
	return ""
}

func hasFlag(cmd *cobra.Command, name string) bool {
	cmd.InitDefaultHelpFlag()
	return cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
}
