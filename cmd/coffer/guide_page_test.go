package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// guidePage is what a guide's page holds for a reader to do.
type guidePage struct {
	commands []guideCommand
	files    map[string]string // by the name that stands above the block
	code     map[string][]string
}

// guideCommand is a line `$ coffer …` and the output that the page shows under it.
type guideCommand struct {
	text   string
	output []string
}

var fileName = regexp.MustCompile("^`([a-z.]+)`[:：]$")

// readGuide takes the commands and the files out of a page.
func readGuide(t *testing.T, path string) guidePage {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := guidePage{files: map[string]string{}, code: map[string][]string{}}
	var name, language string // the last file name above a block; the block's language, empty outside of one
	var block []string
	for line := range strings.SplitSeq(string(text), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && language == "":
			language, block = fence, nil
		case isFence:
			page.take(language, name, block)
			name, language = "", ""
		case language != "":
			block = append(block, line)
		case fileName.MatchString(line):
			name = fileName.FindStringSubmatch(line)[1]
		}
	}
	return page
}

func (p *guidePage) take(language, name string, block []string) {
	switch {
	case language == "console":
		for _, line := range block {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				p.commands = append(p.commands, guideCommand{text: command})
			} else if n := len(p.commands); n > 0 {
				p.commands[n-1].output = append(p.commands[n-1].output, line)
			}
		}
	case name != "":
		p.files[name] = strings.Join(block, "\n") + "\n"
	default:
		p.code[language] = append(p.code[language], strings.Join(block, "\n"))
	}
}

func (p guidePage) texts() []string {
	texts := make([]string, len(p.commands))
	for i, c := range p.commands {
		texts[i] = c.text
	}
	return texts
}

// shows says whether an output has a line as the page shows it: … is anything, and so is white space between words.
func shows(output, line string) bool {
	words := strings.Fields(line)
	for i, w := range words {
		parts := strings.Split(w, "…")
		for j, p := range parts {
			parts[j] = regexp.QuoteMeta(p)
		}
		words[i] = strings.Join(parts, ".*")
	}
	return regexp.MustCompile(`(?m)^` + strings.Join(words, `\s+`) + `\s*$`).MatchString(output)
}
