package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// progress counts on one line of a terminal. It writes nothing when standard error is not one, and uses neither colour nor
// any other sequence that a terminal has to understand.
type progress struct {
	w            io.Writer // nil: silent
	noun         string
	total        int
	done, failed int
	shown        time.Time
	width        int // of what stands on the line
}

// progressEvery is how often the line is written again.
const progressEvery = 100 * time.Millisecond

func (a *app) progress(total int, noun string) *progress {
	p := &progress{noun: noun, total: total}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = f
	}
	return p
}

// step counts one more.
func (p *progress) step(failed bool) {
	p.done++
	if failed {
		p.failed++
	}
	if p.w == nil || time.Since(p.shown) < progressEvery && (p.done < p.total || p.total == 0) {
		return
	}
	p.shown = time.Now()
	line := fmt.Sprintf("%d of %d %s", p.done, p.total, p.noun)
	if p.total == 0 { // how many there are is not known
		line = fmt.Sprintf("%d %s", p.done, p.noun)
	}
	if p.failed > 0 {
		line += fmt.Sprintf(", %d failed", p.failed)
	}
	p.write(line)
}

// end takes the line away.
func (p *progress) end() {
	if p.w != nil && p.width > 0 {
		p.write("")
		fmt.Fprint(p.w, "\r")
	}
}

func (p *progress) write(line string) {
	n := utf8.RuneCountInString(line)
	fmt.Fprint(p.w, "\r"+line+strings.Repeat(" ", max(0, p.width-n)))
	p.width = n
}
