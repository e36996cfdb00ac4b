package rowfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"coffer.internal/internal/fault"
)

// lines is NDJSON: one object a line. Every line stands alone, so a broken one does not end the file.
type lines struct {
	in     *bufio.Reader
	format *Format
	line   int
	lead   int // bytes of the first line that were read already
}

func (l *lines) next() (Row, error) {
	for {
		b, err := l.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return Row{}, tooLong(l.line+1, "line")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Row{}, unreadable(err)
		}
		if len(b) == 0 {
			return Row{}, io.EOF
		}
		l.line++
		lead := l.lead
		l.lead = 0
		if len(bytes.TrimSpace(b)) > 0 {
			return l.parse(b, lead), nil
		}
	}
}

func (l *lines) parse(b []byte, lead int) Row {
	broken := func(err error) Row { return Row{Line: l.line, Err: err} }
	if err := checkLine(b, l.line, lead); err != nil {
		return broken(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return broken(l.syntax(err, b, lead))
	}
	end := int(dec.InputOffset())
	if rest := bytes.TrimLeft(b[end:], " \t\r\n"); len(rest) > 0 {
		return broken(&Fault{Line: l.line, Column: lead + len(b) - len(rest) + 1, Err: fault.New(fault.Usage, "bad_json", "one object a line",
			"there is something after the object: %s", shown(string(bytes.TrimSpace(rest))))})
	}
	begin := end - len(raw)
	return l.format.object(raw, func(offset int64) place { return place{l.line, lead + begin + int(offset) + 1} })
}

// syntax says where a line stops being JSON.
func (l *lines) syntax(err error, b []byte, lead int) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &Fault{Line: l.line, Column: lead + int(syntax.Offset), Err: fault.Wrap(err, fault.Usage, "bad_json", l.format.hint(), "broken JSON")}
	}
	return &Fault{Line: l.line, Column: lead + len(bytes.TrimRight(b, "\r\n")) + 1, Err: fault.New(fault.Usage, "bad_json",
		"one object a line, or all of them in one [ ]; "+l.format.hint(), "broken JSON: the line ends inside of an object")}
}
