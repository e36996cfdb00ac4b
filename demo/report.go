package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"coffer.internal/demo/recount"
)

// report is what the demo ends with, and all that --json prints.
type report struct {
	recount.Count
	PerSecond float64 `json:"per_second"` // withdrawals from the first accepted to the last final
	Kills     int     `json:"kills"`
	Seconds   float64 `json:"seconds"`
}

// good says whether every payment arrived exactly once and nothing else happened.
func (r report) good() bool {
	return r.PaidOnce == r.Asked && r.PaidTwice == 0 && r.Lost == 0 && r.SkippedNonces == 0 && r.Unasked == 0
}

func (r report) print(w io.Writer) {
	fmt.Fprintf(w, `
counted on the chain, block by block, by code that imports nothing of coffer's:

  asked            %d
  paid once        %d
  paid twice       %d
  lost             %d
  skipped nonces   %d
  not asked for    %d
  wallets          %d
  kills            %d
  seconds          %.1f
  per second       %.0f
`, r.Asked, r.PaidOnce, r.PaidTwice, r.Lost, r.SkippedNonces, r.Unasked, r.Wallets, r.Kills, r.Seconds, r.PerSecond)
}

const next = `
What to try next:
  make build                        coffer and coffer-signer into bin/
  bin/coffer init                   a home of your own, with the next three commands
  bin/coffer help                   every verb
  make test                         what holds all this together
`

// bar is a progress bar on a terminal, and nothing elsewhere.
type bar struct {
	w    *os.File
	on   bool
	line string
}

func newBar(w *os.File, quiet bool) *bar {
	return &bar{w: w, on: !quiet && term.IsTerminal(int(w.Fd()))}
}

const barWidth = 40

func (b *bar) show(n stages, total int) {
	if !b.on {
		return
	}
	full := barWidth * n.ended / max(1, total)
	line := fmt.Sprintf("\r%s%s %4d/%d  queued %d, in flight %d ", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), n.ended, total,
		n.queued, n.asked+n.signed+n.sent+n.mined)
	if line != b.line {
		b.line = line
		fmt.Fprint(b.w, line+"\x1b[K")
	}
}

// clear takes the bar off the line, so that something else can be printed.
func (b *bar) clear() {
	if b.on {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.line = ""
	}
}
