package rowfile

import (
	"bufio"
	"context"
	"errors"
	"io"

	"coffer.internal/internal/fault"
)

// Reader reads a file row by row; each row is given as soon as it has come, so a program may keep the stream open.
type Reader struct {
	in     *bufio.Reader
	format Format
	rows   source
	any    bool
}

// source is a form of file. next gives io.EOF at the end; any other error ends the file.
type source interface{ next() (Row, error) }

// NewReader reads rows of the format from in.
func NewReader(in io.Reader, f Format) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, MaxRow), format: f}
}

// Next gives the next row, io.EOF behind the last, or an error that ends the file: a *Fault where it has a place. A file
// without any row is such an error too, because nobody hands one in on purpose.
func (r *Reader) Next() (Row, error) {
	if r.rows == nil {
		if err := r.start(); err != nil {
			return Row{}, err
		}
	}
	row, err := r.rows.next()
	if errors.Is(err, io.EOF) && !r.any {
		return Row{}, r.empty("there is no row in the file")
	}
	if errors.Is(err, io.EOF) {
		return Row{}, io.EOF
	}
	r.any = r.any || err == nil
	return row, err
}

// start finds out which form the file has.
func (r *Reader) start() error {
	first, err := r.in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return unreadable(err)
	}
	if err := foreign(first); err != nil {
		return err
	}
	if hasBOM(first) {
		if _, err := r.in.Discard(len(utf8BOM)); err != nil {
			return unreadable(err)
		}
	}
	at := place{line: 1, column: 1}
	for {
		c, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return r.empty("the file is empty")
		case err != nil:
			return unreadable(err)
		case c == ' ' || c == '\t' || c == '\r':
			at.column++
			continue
		case c == '\n':
			at = place{line: at.line + 1, column: 1}
			continue
		}
		if err := r.in.UnreadByte(); err != nil {
			return unreadable(err)
		}
		switch c {
		case '{':
			r.rows = &lines{in: r.in, format: &r.format, line: at.line - 1, lead: at.column - 1}
		case '[':
			r.rows = newArray(newText(r.in, at), &r.format)
		default:
			r.rows, err = newTable(newText(r.in, at), &r.format, at)
		}
		return err
	}
}

func (r *Reader) empty(what string) error {
	return fault.New(fault.Usage, "empty_file", r.format.hint(), "%s", what)
}

// unreadable is an error of whatever the file is read from; one that says itself what it means stays as it is.
func unreadable(err error) error {
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(err, nil, "unreadable", "look at the file and its disk", "read the file")
}

// tooLong is the fault of a line or row above MaxRow.
func tooLong(line int, what string) error {
	return &Fault{Line: line, Err: fault.New(fault.Usage, "line_too_long", "one row a line; is a quote or a bracket left open?",
		"the %s is longer than %d bytes", what, MaxRow)}
}
