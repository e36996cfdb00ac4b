package requestlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Written is a line as it is read.
type Written struct {
	Seq        uint64          `json:"seq"`
	At         time.Time       `json:"at"`
	Who        string          `json:"who"`
	Role       string          `json:"role"`
	From       string          `json:"from"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Status     int             `json:"status"`
	Code       string          `json:"code"`
	Detail     string          `json:"detail"`
	Micros     int64           `json:"micros"`
	Suppressed int             `json:"suppressed"`
	Intents    []WrittenIntent `json:"intents"`
	Prev       string          `json:"prev"`
	Hash       string          `json:"hash"`

	Line []byte `json:"-"` // as it is written, without its newline
}

// Has says whether a code is that of the request, or of one of its intents.
func (w Written) Has(code string) bool {
	return w.Code == code || slices.ContainsFunc(w.Intents, func(i WrittenIntent) bool { return i.Code == code })
}

// WrittenIntent is one intent of a line.
type WrittenIntent struct {
	Digest  string `json:"digest"`
	Ledger  string `json:"ledger"`
	Purpose string `json:"purpose"`
	Payment string `json:"payment"`
	Code    string `json:"code"`
	Receipt uint64 `json:"receipt"`
}

// beforeHash is what stands between a line and its own hash.
const beforeHash = `,"hash":"`

// parse reads a line without its newline, and holds it against its own hash.
func parse(line []byte) (w Written, err error) {
	at := bytes.LastIndex(line, []byte(beforeHash))
	if at < 0 || len(line) != at+len(beforeHash)+64+2 {
		return w, errors.New("it is no line of this log")
	}
	sum := sha256.Sum256(append(slices.Clip(line[:at]), '}'))
	if string(line[at+len(beforeHash):]) != hex.EncodeToString(sum[:])+`"}` {
		return w, errors.New("its hash does not fit what it says")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return w, fmt.Errorf("it is no line of this log: %w", err)
	}
	w.Line = line
	return w, nil
}

// Files are the files of a home's log, oldest first.
func Files(dir string) ([]string, error) {
	files, err := fullFiles(dir)
	if err != nil {
		return nil, err
	}
	return append(files, filepath.Join(dir, FileName)), nil
}

// fullName is the name of a file that was put aside. The names are in the order of the lines.
func fullName(first uint64) string { return fmt.Sprintf("requests-%016d.log", first) }

func fullFiles(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "requests-*.log"))
	if err != nil {
		return nil, fmt.Errorf("look for logs in %s: %w", dir, err)
	}
	slices.Sort(files)
	return files, nil
}

// tail is the beginning and the end of a file.
type tail struct {
	first, last []byte // lines without their newline; empty: the file has none
	size        int64  // up to the end of the last whole line
	cut         int64  // what stands behind it
}

func tailOf(f *os.File) (t tail, err error) {
	st, err := f.Stat()
	if err != nil {
		return t, err
	}
	if t.size, err = lastNewline(f, st.Size()); err != nil {
		return t, err
	}
	t.cut = st.Size() - t.size
	if t.size == 0 {
		return t, nil
	}
	begin, err := lastNewline(f, t.size-1)
	if err != nil {
		return t, err
	}
	t.last = make([]byte, t.size-1-begin)
	if _, err := f.ReadAt(t.last, begin); err != nil {
		return t, err
	}
	t.first, err = firstLine(f)
	return t, err
}

// lastNewline is where the text behind the last newline before end begins; 0: there is no newline.
func lastNewline(f io.ReaderAt, end int64) (int64, error) {
	chunk := make([]byte, 64<<10)
	for end > 0 {
		n := min(end, int64(len(chunk)))
		if _, err := f.ReadAt(chunk[:n], end-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(chunk[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
}

func firstLine(f io.ReaderAt) ([]byte, error) {
	lines := newLines(io.NewSectionReader(f, 0, 1<<62))
	return lines.next()
}

// headOf is the last line of a file that is no longer written.
func headOf(path string) (Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return Head{}, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	t, err := tailOf(f)
	if err != nil {
		return Head{}, fmt.Errorf("read %s: %w", path, err)
	}
	w, err := parse(t.last)
	if err != nil || t.cut > 0 {
		return Head{}, broken(path, errors.Join(err, fmt.Errorf("%d bytes stand behind its last line", t.cut)))
	}
	return Head{w.Seq, w.Hash}, nil
}
