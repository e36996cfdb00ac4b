package requestlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"coffer.internal/internal/fault"
)

// Report is what a verified log holds.
type Report struct {
	Files int    `json:"files"`
	Lines uint64 `json:"lines"`
	First uint64 `json:"first"` // number of the first line
	Head  Head   `json:"head"`
	Open  bool   `json:"open"` // behind the last line stands the beginning of one: it is being written, or a crash left it
}

// Verify reads files of one log, oldest first, and finds what was changed, taken out, put in or reordered in them: a fault with code
// log_broken that names file and line. Nothing in the files tells what is missing at their end, or that all of them were made anew: that
// is told by known, a head that was noted elsewhere. An empty one asks for nothing.
func Verify(paths []string, known Head) (r Report, err error) {
	err = Read(paths, func(path string, number int, w Written) error {
		if r.Lines == 0 {
			if r.First = w.Seq; w.Seq == 1 && w.Prev != noHash {
				return brokenAt(path, number, "it is the first line, and names one before it")
			}
			r.Head = Head{w.Seq - 1, w.Prev}
		}
		if err := follows(path, number, r.Head, w); err != nil {
			return err
		}
		r.Lines++
		if r.Head = (Head{w.Seq, w.Hash}); w.Seq == known.Seq && w.Hash != known.Hash {
			return brokenAt(path, number, "its hash was another one when it was noted: the log was made anew")
		}
		return nil
	}, &r.Open)
	if err == nil && known.Seq > r.Head.Seq {
		err = brokenAt(paths[len(paths)-1], int(r.Lines)+1, fmt.Sprintf("the log ends with its line %d, and had line %d: its end is missing", r.Head.Seq, known.Seq))
	}
	r.Files = len(paths)
	return r, err
}

// ParseHead reads what Head.String writes.
func ParseHead(s string) (h Head, err error) {
	number, hash, ok := strings.Cut(s, ":")
	h.Hash = hash
	if h.Seq, err = strconv.ParseUint(number, 10, 64); err != nil || !ok || len(hash) != len(noHash) {
		return h, fault.New(fault.Usage, "bad_head", "as `coffer-signer log verify` prints it", "%q is not NUMBER:HASH of a line", s)
	}
	return h, nil
}

// follows says why a line cannot come after the head, or nil.
func follows(path string, number int, head Head, w Written) error {
	switch want := head.Seq + 1; {
	case w.Seq > want:
		return brokenAt(path, number, fmt.Sprintf("it is line %d of the log: %d lines before it are missing", w.Seq, w.Seq-want))
	case w.Seq < want:
		return brokenAt(path, number, fmt.Sprintf("it says that it is line %d of the log, where %d belongs: it was put in, or moved", w.Seq, want))
	case w.Prev != head.Hash:
		return brokenAt(path, number, "the line before it is not the one that it was written after")
	}
	return nil
}

func brokenAt(path string, number int, what string) error {
	return fault.New(fault.Refused, "log_broken", "compare it with a copy, and find out who wrote there", "%s:%d: %s", path, number, what)
}

// Read calls do with each line of the files, whose own hash fits, and with its number in the file. open, if not nil, is set when the
// last file ends in the midst of a line.
func Read(paths []string, do func(path string, number int, w Written) error, open *bool) error {
	for i, path := range paths {
		if err := readFile(path, i == len(paths)-1, do, open); err != nil {
			return err
		}
	}
	return nil
}

func readFile(path string, last bool, do func(path string, number int, w Written) error, open *bool) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(err, fault.NotFound, "no_log", "coffer-signer serve writes it", "the log of requests")
	}
	if err != nil {
		return fmt.Errorf("the log of requests: %w", err)
	}
	defer f.Close()
	lines := newLines(f)
	for number := 1; ; number++ {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF) && last:
			if open != nil {
				*open = true
			}
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return brokenAt(path, number, "it has no end")
		case err != nil:
			return fmt.Errorf("read %s: %w", path, err)
		}
		w, err := parse(line)
		if err != nil {
			return brokenAt(path, number, err.Error())
		}
		if err := do(path, number, w); err != nil {
			return err
		}
	}
}

// lines reads lines of any length.
type lines struct{ r *bufio.Reader }

func newLines(r io.Reader) lines { return lines{bufio.NewReaderSize(r, 64<<10)} }

// next is the next line without its newline. io.EOF: there is none; io.ErrUnexpectedEOF: there is only the beginning of one.
func (l lines) next() ([]byte, error) {
	line, err := l.r.ReadBytes('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}
