package main

import (
	"context"

	"coffer.internal/internal/rowfile"
)

// rowFile is a file that was read whole, and what is wrong in it.
type rowFile struct {
	rows   []rowfile.Row // those that could be read
	all    int
	faults []*rowfile.Fault
}

// readRows reads a whole file. Rows that are broken are faults already; the others may yet be wrong in what they say.
func (a *app) readRows(ctx context.Context, name string, format rowfile.Format) (*rowFile, error) {
	rows, err := rowfile.Read(name, untilDone(ctx, a.stdin), format)
	if err != nil {
		return nil, err
	}
	f := &rowFile{all: len(rows), faults: rowfile.Faults(rows)}
	for _, row := range rows {
		if row.Err == nil {
			f.rows = append(f.rows, row)
		}
	}
	return f, nil
}

// fault says that a field of a row cannot be right.
func (f *rowFile) fault(row int, field string, err error) {
	f.faults = append(f.faults, f.rows[row].At(field, err))
}

// refuse refuses the whole file if anything is wrong in it.
func (f *rowFile) refuse() error { return rowfile.Refuse(f.all, f.faults) }
