// Package rowfile reads the files that operators and programs hand to coffer: rows of named fields, as CSV whose header names
// the columns, as NDJSON, or as one JSON array of objects. Which of them it is, the first character tells.
//
// Words: a row is one line of NDJSON, one record of CSV, one object of an array; a field has one name, and may have others that
// mean the same (the guide's camelCase). A fault is what is wrong in a file, with line and column; both count from 1, columns
// in bytes.
//
// It promises that nothing is read as something else than it says. Text is UTF-8 and nothing else; an unknown or repeated
// name, a number that is not written in plain digits, a row without a field that it needs: each is a fault that shows the
// offending value. A fault of one row stands in that row, so that a stream can go on behind it; a fault of the file ends it.
// Memory is bounded by the longest row (MaxRow), and for files that are read whole by MaxFile.
package rowfile

import (
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
)

const (
	// MaxRow is the longest line or row, in bytes.
	MaxRow = 64 << 10
	// MaxFile is the largest file that is read whole, in bytes.
	MaxFile = 64 << 20
	// MaxRows is how many rows a file that is read whole may have.
	MaxRows = 100_000
)

// Kind is what the value of a field must be.
type Kind int

// The kinds. A number stands in JSON without quotes, in plain digits: 1e3 and 1.0 are refused.
const (
	Text    Kind = iota // a string; never a number, because amounts and ids would lose digits
	Integer             // a whole number of 64 bits
	Natural             // the same, from 0 on
	Texts               // a list of strings without blanks; in CSV one cell with blanks between them
	Ignored             // any value, and nobody reads it
)

// Field is one field of a row.
type Field struct {
	Name     string
	Also     []string // other names that mean the same
	Kind     Kind
	Required bool
}

// Format is what the rows of a file must be.
type Format struct {
	Fields  []Field
	Example string // one row as JSON, for hints
}

// find is the index of the field with that name, or -1.
func (f Format) find(name string) int {
	return slices.IndexFunc(f.Fields, func(x Field) bool { return x.Name == name || slices.Contains(x.Also, name) })
}

func (f Format) names() string {
	var names []string
	for _, x := range f.Fields {
		if x.Kind != Ignored {
			names = append(names, x.Name)
		}
	}
	return strings.Join(names, ", ")
}

// hint shows how a row looks.
func (f Format) hint() string {
	return "a row looks like " + f.Example
}

// cell is one value of a row, and where it stands.
type cell struct {
	text         string
	texts        []string
	set          bool
	integer      int64
	natural      uint64
	line, column int
}

// Row is one row of a file.
type Row struct {
	Line int
	// Err is the first that is wrong with the row, a *Fault. The other fields are there, as far as the row could be taken apart.
	Err error

	format *Format
	cells  []cell // one for each field
}

func (f *Format) row(line int) Row {
	return Row{Line: line, format: f, cells: make([]cell, len(f.Fields))}
}

// Has says whether the field was given; an empty cell, an empty string and null count as left out.
func (r Row) Has(name string) bool { return r.cell(name).set }

// Text is the field's text, or "" if it was left out.
func (r Row) Text(name string) string { return r.cell(name).text }

// Texts are the texts of a field of that kind, none if it was left out.
func (r Row) Texts(name string) []string { return r.cell(name).texts }

// Integer is the value of a field of that kind, or 0 if it was left out.
func (r Row) Integer(name string) int64 { return r.cell(name).integer }

// Natural is the value of a field of that kind, or 0 if it was left out.
func (r Row) Natural(name string) uint64 { return r.cell(name).natural }

func (r Row) cell(name string) cell {
	if len(r.cells) == 0 {
		return cell{} // the row was too broken to have any
	}
	return r.cells[r.format.find(name)]
}

// At says that err is about a field of the row; if the field was left out, or there is none of that name, about the row.
func (r Row) At(name string, err error) *Fault {
	if i := r.format.find(name); i >= 0 && r.cells[i].set {
		return &Fault{Line: r.cells[i].line, Column: r.cells[i].column, Err: err}
	}
	return &Fault{Line: r.Line, Err: err}
}

// missing is the fault of a row without a field that it needs.
func (r Row) missing() error {
	for i, x := range r.format.Fields {
		if x.Required && !r.cells[i].set {
			return &Fault{Line: r.Line, Err: fault.New(fault.Usage, "missing_field", r.format.hint(), "%s is missing", x.Name)}
		}
	}
	return nil
}

// Fault is what is wrong in a file, and where.
type Fault struct {
	Line   int
	Column int // in bytes; 0: the whole line
	Err    error
}

// Error says where, and what.
func (f *Fault) Error() string {
	if f.Column == 0 {
		return fmt.Sprintf("line %d: %s", f.Line, f.Err)
	}
	return fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.Err)
}

// Unwrap gives what is wrong.
func (f *Fault) Unwrap() error { return f.Err }
