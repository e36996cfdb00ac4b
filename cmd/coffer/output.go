package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"coffer.internal/internal/fault"
)

// data is standard output. It remembers the first write that failed: what a full disk cut off is no success.
type data struct {
	to     io.Writer
	failed error
}

func (d *data) Write(b []byte) (int, error) {
	n, err := d.to.Write(b)
	if err != nil && d.failed == nil {
		d.failed = err
	}
	return n, err
}

// fault is what the command ends with if something of its output was lost.
func (d *data) fault() error {
	if d.failed == nil {
		return nil
	}
	return fault.Wrap(d.failed, nil, "output_lost", "the command itself was carried out; look at where its output goes",
		"the output could not be written whole")
}

// document prints one JSON document on stdout.
func (a *app) document(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// line prints one JSON document on one line, for streams.
func (a *app) line(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say prints a line for a person on stdout.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stdout, format+"\n", args...)
}

// note prints a line for a person on stderr: what is not data.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

// table prints rows aligned under their headings, two spaces between columns, nothing cut.
func table(w io.Writer, headings []string, rows [][]string) {
	widths := make([]int, len(headings))
	for i, h := range headings {
		widths[i] = len(h)
	}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range append([][]string{headings}, rows...) {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// fields prints name and value pairs, one a line, the values aligned.
func fields(w io.Writer, pairs [][2]string) {
	width := 0
	for _, p := range pairs {
		width = max(width, len(p[0]))
	}
	for _, p := range pairs {
		fmt.Fprintf(w, "%-*s  %s\n", width, p[0], p[1])
	}
}

// errorView is an error in a document; null if there is none.
type errorView struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

func viewError(err error) *errorView {
	if err == nil {
		return nil
	}
	return &errorView{Code: fault.Code(err), Message: err.Error(), Hint: fault.Hint(err)}
}

// moment shows a time to a person: local, with its offset.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// stamp is a time in JSON: RFC 3339 in UTC, null if there is none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339Nano)
	return &s
}

// dash stands for an empty cell.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// null is an empty string as JSON null.
func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// lower turns a column heading into the name of the field.
func lower(heading string) string { return strings.ToLower(heading) }
