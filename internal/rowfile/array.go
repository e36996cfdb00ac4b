package rowfile

import (
	"encoding/json"
	"errors"
	"io"

	"coffer.internal/internal/fault"
)

// array is one JSON array of objects, over any number of lines. A fault in its syntax ends the file: where the next object
// begins is not known then.
type array struct {
	text   *text
	dec    *json.Decoder
	format *Format
	opened bool
}

func newArray(t *text, f *Format) *array {
	return &array{text: t, dec: json.NewDecoder(t), format: f}
}

func (a *array) next() (Row, error) {
	if !a.opened {
		if _, err := a.dec.Token(); err != nil {
			return Row{}, a.broken(err)
		}
		a.opened = true
	}
	a.text.begin(a.dec.InputOffset())
	if !a.dec.More() {
		return Row{}, a.end()
	}
	var raw json.RawMessage
	if err := a.dec.Decode(&raw); err != nil {
		return Row{}, a.broken(err)
	}
	begin := a.dec.InputOffset() - int64(len(raw))
	if len(raw) > MaxRow {
		return Row{}, tooLong(a.text.at(begin).line, "row")
	}
	return a.format.object(raw, func(offset int64) place { return a.text.at(begin + offset) }), nil
}

// end reads the closing bracket, behind which nothing may stand.
func (a *array) end() error {
	if _, err := a.dec.Token(); err != nil {
		return a.broken(err)
	}
	a.dec.More() // goes to what follows
	offset := a.dec.InputOffset()
	_, err := a.dec.Token()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	var syntax *json.SyntaxError
	if err != nil && !errors.As(err, &syntax) {
		return a.broken(err)
	}
	return a.fault(offset, fault.New(fault.Usage, "bad_json", "put all rows into one [ ]", "there is something after the array"))
}

// broken says where the file stops being JSON.
func (a *array) broken(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return a.fault(a.text.offset, fault.New(fault.Usage, "bad_json", "close it with ]; was the file copied whole?",
			"broken JSON: the file ends inside of the array"))
	case !errors.As(err, &syntax):
		return err // of the text below, which knows its place
	}
	// The decoder counts from different places, depending on who found it: what it has not used up is read again.
	offset := a.dec.InputOffset()
	rest, _ := io.ReadAll(a.dec.Buffered())
	var again *json.SyntaxError
	if syntax.Offset != offset && errors.As(json.Unmarshal(rest, new(json.RawMessage)), &again) {
		offset += again.Offset - 1
	} else {
		offset += int64(len(rest) - len(trimSpace(rest)))
	}
	return a.fault(offset, fault.Wrap(err, fault.Usage, "bad_json", a.format.hint(), "broken JSON"))
}

func (a *array) fault(offset int64, err error) error {
	at := a.text.at(offset)
	return &Fault{Line: at.line, Column: at.column, Err: err}
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}
