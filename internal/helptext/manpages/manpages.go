// Package manpages turns the help of a program into manual pages, one for each command. It is for `make man` and tests: the
// programs themselves do not link it.
//
// The same program gives the same bytes: there is no date in a page.
package manpages

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"coffer.internal/internal/helptext"
)

// Write writes coffer.1, coffer-list.1 and so on into dir.
func Write(root *cobra.Command, dir, exitCodes string) error {
	for _, c := range helptext.All(root) {
		page, err := page(c, exitCodes)
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var dated = regexp.MustCompile(`(?m)^(\.TH "[^"]*" "1") "[^"]*"`)

func page(c *cobra.Command, exitCodes string) ([]byte, error) {
	if own := c.Annotations[helptext.ExitCodes]; own != "" {
		exitCodes = own
	}
	c.DisableAutoGenTag = true
	long := c.Long
	c.Long = asWritten(long)
	defer func() { c.Long = long }()
	header := &doc.GenManHeader{Date: &time.Time{}, Source: c.Root().Name(), Manual: "coffer"}
	var out bytes.Buffer
	if err := doc.GenMan(c, header, &out); err != nil {
		return nil, err
	}
	text := dated.ReplaceAllString(out.String(), `$1 ""`)
	if before, after, found := strings.Cut(text, ".SH SYNOPSIS\n"); found && c.HasParent() {
		synopsis, rest, _ := strings.Cut(after, "\n\n")
		// The ways to use a command stand in one line with " | " between.
		synopsis = strings.ReplaceAll(synopsis, " | ", "\\fP\n.br\n\\fB"+c.Parent().CommandPath()+" ")
		text = before + ".SH SYNOPSIS\n" + synopsis + "\n\n" + rest
	}
	status := ".SH EXIT STATUS\n"
	for _, code := range strings.Split(exitCodes, " · ") {
		number, meaning, _ := strings.Cut(code, " ")
		status += ".TP\n" + number + "\n" + strings.ReplaceAll(meaning, `\`, `\\`) + "\n"
	}
	if before, after, found := strings.Cut(text, ".SH SEE ALSO\n"); found {
		text = before + status + "\n.SH SEE ALSO\n" + after
	} else {
		text += "\n" + status
	}
	return []byte(text), nil
}

// asWritten marks the lines that begin with white space, tables mostly, to be set as they are.
func asWritten(long string) string {
	var out []string
	inside := false
	for _, line := range strings.Split(long, "\n") {
		indented := line != "" && strings.TrimLeft(line, " \t") != line
		if indented != inside {
			out = append(out, "")
		}
		if inside = indented; indented {
			line = "    " + line
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
