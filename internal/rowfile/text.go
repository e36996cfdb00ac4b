package rowfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"coffer.internal/internal/fault"
)

// place is a byte of a file, counted from 1.
type place struct{ line, column int }

// text passes the bytes of a file on and sees to it that they are UTF-8 without NUL. What stands before a fault is passed on
// first. It knows the place of every byte of the current row, and ends a file whose current row is far too long.
type text struct {
	in     *bufio.Reader
	from   place   // of its first byte
	offset int64   // bytes passed on
	base   int64   // where the current row begins
	starts []start // the lines that the current row may reach into, in order
	carry  []byte  // the beginning of a character that is not whole yet; passed on already
	err    error
}

type start struct {
	offset int64
	line   int
}

// readAhead is how far its readers may have read beyond the row that they give.
const readAhead = 2 * MaxRow

func newText(in *bufio.Reader, from place) *text {
	return &text{in: in, from: from, starts: []start{{offset: int64(1 - from.column), line: from.line}}}
}

// begin says that a row begins at the offset.
func (t *text) begin(offset int64) {
	t.base = offset
	i, found := slices.BinarySearchFunc(t.starts, offset, func(s start, o int64) int { return int(s.offset - o) })
	if !found {
		i--
	}
	t.starts = t.starts[max(i, 0):]
}

// at is the place of an offset that is not before the current row.
func (t *text) at(offset int64) place {
	i, found := slices.BinarySearchFunc(t.starts, offset, func(s start, o int64) int { return int(s.offset - o) })
	if !found {
		i--
	}
	s := t.starts[max(i, 0)]
	return place{line: s.line, column: int(offset-s.offset) + 1}
}

// Read reads once from below: it never waits for more than has come.
func (t *text) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.in.Read(p)
	switch {
	case errors.Is(err, io.EOF) && len(t.carry) > 0:
		err = notUTF8(t.at(t.offset-int64(len(t.carry))), t.carry)
	case err != nil && !errors.Is(err, io.EOF):
		err = unreadable(err)
	}
	good, bad := t.check(p[:n])
	t.offset += int64(good)
	if bad != nil {
		err = bad
	}
	if err == nil && t.offset-t.base > MaxRow+readAhead {
		err = tooLong(t.at(t.base).line, "row")
	}
	t.err = err
	if good > 0 {
		return good, nil
	}
	return 0, err
}

// check looks at what follows on the offset; good is how much of it may be passed on.
func (t *text) check(p []byte) (good int, err error) {
	b, before := p, len(t.carry)
	if before > 0 {
		b = append(t.carry, p...)
		t.carry = nil
	}
	for i := 0; i < len(b); {
		at := t.offset + int64(i-before)
		switch c := b[i]; {
		case c == 0:
			return max(i-before, 0), nul(t.at(at))
		case c == '\n':
			t.starts = append(t.starts, start{offset: at + 1, line: t.starts[len(t.starts)-1].line + 1})
			i++
			continue
		case c < utf8.RuneSelf:
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size <= 1 {
			if !utf8.FullRune(b[i:]) {
				t.carry = slices.Clone(b[i:])
				break
			}
			return max(i-before, 0), notUTF8(t.at(at), b[i:])
		}
		i += size
	}
	return len(p), nil
}

// checkLine is the same for a line that stands alone; lead is how many bytes of it are before b.
func checkLine(b []byte, line, lead int) error {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nul(place{line, lead + i + 1})
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size <= 1 {
			return notUTF8(place{line, lead + i + 1}, b[i:])
		}
		i += size
	}
	return nil
}

func nul(at place) error {
	return &Fault{Line: at.line, Column: at.column, Err: fault.New(fault.Usage, "nul_byte",
		"a file of text has none: is it the right file, and was it copied whole?", "there is a NUL byte")}
}

const utf8BOM = "\xef\xbb\xbf"

func hasBOM(b []byte) bool { return strings.HasPrefix(string(b), utf8BOM) }

// marks are how files begin that are not UTF-8. The longer of two that begin alike comes first.
var marks = []struct{ begin, name, convert string }{
	{"\xff\xfe\x00\x00", "UTF-32", "UTF-32"},
	{"\x00\x00\xfe\xff", "UTF-32", "UTF-32"},
	{"\xff\xfe", "UTF-16", "UTF-16"},
	{"\xfe\xff", "UTF-16", "UTF-16"},
}

// foreign recognizes other encodings, and the files that are taken for CSV by mistake, by how they begin.
func foreign(b []byte) error {
	s := string(b)
	for _, m := range marks {
		if strings.HasPrefix(s, m.begin) {
			return encoded(m.name, m.convert)
		}
	}
	switch {
	case strings.HasPrefix(s, "PK\x03\x04"):
		return fault.New(fault.Usage, "bad_encoding", "save it as CSV UTF-8", "the file is an Excel workbook or another zip archive, not text")
	case strings.HasPrefix(s, "\x1f\x8b"):
		return fault.New(fault.Usage, "bad_encoding", "unpack it and pipe it in: gunzip -c FILE | coffer … -", "the file is packed by gzip")
	case len(b) < 4 || strings.Trim(s, "\x00") == "":
		return nil // too short to tell; a NUL byte is found where it stands
	case b[0] != 0 && b[1] == 0 && b[2] == 0 && b[3] == 0:
		return encoded("UTF-32 without a byte order mark", "UTF-32LE")
	case b[0] == 0 && b[1] == 0 && b[2] == 0:
		return encoded("UTF-32 without a byte order mark", "UTF-32BE")
	case b[0] != 0 && b[1] == 0 && b[3] == 0:
		return encoded("UTF-16 without a byte order mark", "UTF-16LE")
	case b[0] == 0 && b[2] == 0:
		return encoded("UTF-16 without a byte order mark", "UTF-16BE")
	}
	return nil
}

func encoded(name, convert string) error {
	return fault.New(fault.Usage, "bad_encoding", "convert it: iconv -f "+convert+" -t UTF-8 FILE > NEW_FILE", "the file is in %s, not in UTF-8", name)
}

// notUTF8 is the fault of a byte that is no UTF-8; rest begins with it. Which encoding it is instead cannot be known, only
// guessed: two high bytes in a row are how Chinese looks, 0x80 to 0x9f is used by Windows only.
func notUTF8(at place, rest []byte) error {
	name, convert := "Latin-1", "ISO-8859-1"
	switch {
	case len(rest) > 1 && rest[0] >= 0xa1 && rest[1] >= 0xa1:
		name, convert = "GBK", "GB18030"
	case rest[0] < 0xa0:
		name, convert = "Windows-1252", "WINDOWS-1252"
	}
	return &Fault{Line: at.line, Column: at.column, Err: fault.New(fault.Usage, "bad_encoding",
		"convert it: iconv -f "+convert+" -t UTF-8 FILE > NEW_FILE", "the byte 0x%02X is not UTF-8; the file looks like %s", rest[0], name)}
}
