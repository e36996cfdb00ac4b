package rowfile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"coffer.internal/internal/fault"
)

// table is CSV whose header names the columns. A row with too few or too many cells does not end the file; a broken quote does:
// where the next row begins is not known then.
type table struct {
	text    *text
	csv     *csv.Reader
	format  *Format
	from    place // of the header
	columns []int // the field of each column
}

func newTable(t *text, f *Format, from place) (*table, error) {
	b := &table{text: t, csv: csv.NewReader(t), format: f, from: from}
	b.csv.ReuseRecord = true
	header, err := b.csv.Read()
	if err != nil {
		return nil, b.broken(err)
	}
	if b.csv.InputOffset() > MaxRow+1 {
		return nil, tooLong(from.line, "row")
	}
	given := make([]bool, len(f.Fields))
	for i, name := range header {
		at := b.at(i)
		name = strings.TrimSpace(name)
		n := f.find(name)
		switch {
		case n < 0:
			return nil, &Fault{Line: at.line, Column: at.column, Err: f.unknown("column", name)}
		case given[n]:
			return nil, &Fault{Line: at.line, Column: at.column, Err: fault.New(fault.Usage, "duplicate_key", "leave one of them out",
				"column %s stands twice", named(f.Fields[n].Name, name))}
		}
		given[n] = true
		b.columns = append(b.columns, n)
	}
	for n, x := range f.Fields {
		if x.Required && !given[n] {
			return nil, &Fault{Line: from.line, Err: fault.New(fault.Usage, "missing_field", "the first line names the columns: "+f.names(),
				"column %s is missing", x.Name)}
		}
	}
	return b, nil
}

func (b *table) next() (Row, error) {
	b.text.begin(b.csv.InputOffset())
	cells, err := b.csv.Read()
	var wrong *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return Row{}, io.EOF
	case errors.As(err, &wrong) && errors.Is(err, csv.ErrFieldCount):
		line := b.at(0).line
		return Row{Line: line, Err: &Fault{Line: line, Err: fault.New(fault.Usage, "bad_csv", "put a cell with a comma in it into double quotes",
			"the row has %d cells, the header %d", len(cells), len(b.columns))}}, nil
	case err != nil:
		return Row{}, b.broken(err)
	case b.csv.InputOffset()-b.text.base > MaxRow+1:
		return Row{}, tooLong(b.at(0).line, "row")
	}
	row := b.format.row(b.at(0).line)
	for i, s := range cells {
		at, field := b.at(i), b.format.Fields[b.columns[i]]
		c := &row.cells[b.columns[i]]
		c.line, c.column = at.line, at.column
		c.set = s != ""
		if !c.set || field.Kind == Ignored {
			continue
		}
		if field.Kind == Text {
			c.text = strings.Clone(s) // the cells share one long string
		} else if field.Kind == Texts {
			c.texts = strings.Fields(strings.Clone(s))
		} else if err := c.number(field.Kind, field.Name, s); err != nil && row.Err == nil {
			row.Err = &Fault{Line: at.line, Column: at.column, Err: err} // and on: whoever sent the row knows it by another field
		}
	}
	if row.Err == nil {
		row.Err = row.missing()
	}
	return row, nil
}

// at is the place of a cell of the row that was just read.
func (b *table) at(cell int) place {
	line, column := b.csv.FieldPos(cell)
	if line == 1 {
		column += b.from.column - 1
	}
	return place{line: line + b.from.line - 1, column: column}
}

// broken says where the file stops being CSV.
func (b *table) broken(err error) error {
	var wrong *csv.ParseError
	if !errors.As(err, &wrong) {
		return err // of the text below, which knows its place
	}
	what := "broken CSV"
	if wrong.StartLine != wrong.Line {
		what = fmt.Sprintf("broken CSV in the row that begins in line %d", wrong.StartLine+b.from.line-1)
	}
	return &Fault{Line: wrong.Line + b.from.line - 1, Column: wrong.Column, Err: fault.Wrap(wrong.Err, fault.Usage, "bad_csv",
		"put a cell with a quote in it into double quotes, and double the quote", "%s", what)}
}
