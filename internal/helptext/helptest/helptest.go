// Package helptest holds a program's help to what it promises: for tests.
package helptest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coffer.internal/internal/helptext"
)

// Problems walks the whole tree of commands and says what is wrong with each one's help: something missing, a line too wide, an
// example that its own flags and arguments refuse. newRoot makes the tree; it is called once for each example.
func Problems(newRoot func() *cobra.Command) []string {
	var all []string
	root := newRoot()
	for _, c := range helptext.All(root) {
		for _, p := range append(missing(c), examples(newRoot, c)...) {
			all = append(all, c.CommandPath()+": "+p)
		}
		if c.Parent() == root && len(root.Groups()) > 0 && !root.ContainsGroup(c.GroupID) {
			all = append(all, c.CommandPath()+": it is in no group")
		}
	}
	return all
}

func missing(c *cobra.Command) []string {
	var out []string
	for what, text := range map[string]string{"Short": c.Short, "Long": c.Long, "Example": c.Example} {
		if strings.TrimSpace(text) == "" {
			out = append(out, "it has no "+what)
		}
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			out = append(out, "--"+f.Name+" is not explained")
		}
	})
	var help bytes.Buffer
	c.SetOut(&help)
	if err := c.Help(); err != nil {
		out = append(out, err.Error())
	}
	for _, line := range strings.Split(help.String(), "\n") {
		if n := utf8.RuneCountInString(line); n > helptext.Width {
			out = append(out, fmt.Sprintf("a line of its help has %d columns: %s", n, line))
		}
	}
	if !strings.Contains(help.String(), "\nExit codes:\n  0 ") {
		out = append(out, "its help does not say the exit codes")
	}
	return out
}

// examples checks each line of a command's examples against the command that it names, without running it.
func examples(newRoot func() *cobra.Command, c *cobra.Command) []string {
	var out []string
	text := strings.ReplaceAll(c.Example, "\\\n", " ")
	for i, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		root := newRoot()
		words := commandOf(line, root.Name())
		switch {
		case len(words) == 0 && i == 0:
			out = append(out, fmt.Sprintf("its first example does not begin with %s: %q", root.Name(), line))
		case len(words) > 0:
			if err := parses(root, words[1:]); err != nil {
				out = append(out, fmt.Sprintf("its example %q: %v", strings.TrimSpace(line), err))
			}
		}
	}
	return out
}

func parses(root *cobra.Command, args []string) error {
	c, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(rest); err != nil {
		return c.FlagErrorFunc()(c, err)
	}
	return c.ValidateArgs(c.Flags().Args())
}

// commandOf is the program and its arguments as a shell would give them, without variables before and what comes after a
// comment, pipe or redirection; nothing if the line begins with another program.
func commandOf(line, program string) []string {
	var words []string
	for _, w := range shellWords(line) {
		if len(words) == 0 && strings.Contains(w, "=") {
			continue
		}
		if strings.ContainsAny(w, "<>") && !strings.HasPrefix(w, "'") {
			if i := strings.IndexAny(w, "<>"); i > 0 && i < len(w)-1 {
				continue // 3<file
			}
			break
		}
		if w == "|" || w == "&" || strings.HasPrefix(w, "#") {
			break
		}
		words = append(words, w)
	}
	if len(words) == 0 || words[0] != program {
		return nil
	}
	return words
}

// shellWords splits at spaces outside of quotes, and takes the quotes away.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, started := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, started = r, true
		case r == ' ' || r == '\t':
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}
