package helptext

import (
	"strings"
	"unicode/utf8"
)

// Wrap fills paragraphs to Width. Lines that begin with white space stand as they are, and so do empty ones.
func Wrap(text string) string { return wrapTo(text, Width) }

func wrapTo(text string, width int) string {
	var out, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, fill(strings.Fields(strings.Join(paragraph, " ")), width)...)
			paragraph = nil
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if line != strings.TrimLeft(line, " \t") || line == "" {
			end()
			out = append(out, strings.TrimRight(line, " "))
			continue
		}
		paragraph = append(paragraph, line)
	}
	end()
	return strings.Join(out, "\n")
}

// fill puts as many words on a line as fit.
func fill(words []string, width int) []string {
	var lines []string
	line, columns := "", 0
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if line != "" && columns+1+n > width {
			lines = append(lines, line)
			line, columns = "", 0
		}
		if line != "" {
			line += " "
			columns++
		}
		line += w
		columns += n
	}
	return append(lines, line)
}

// codes breaks a list of exit codes only between two of them.
func codes(text string) string {
	const within = "\x00" // stands for a space that must not become the end of a line
	items := strings.Split(text, " · ")
	for i, item := range items {
		items[i] = strings.ReplaceAll(item, " ", within)
	}
	return strings.ReplaceAll(strings.Join(fill(strings.Fields(strings.Join(items, within+"· ")), Width-2), "\n"), within, " ")
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
