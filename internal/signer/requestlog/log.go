// Package requestlog is a signing machine's own log: one line for each request and each try to connect that was refused, whatever came
// of it.
//
// A line is one JSON document. It holds the hash of the line before it and its own (SHA-256 over the line without it), so that lines
// that were changed, taken out, put in or reordered are found (Verify), by whoever knows a later line: the whole end of the log can be
// made anew by who can write it. So its head, which `coffer-signer log verify` prints, is worth noting elsewhere.
//
// A line is written before its request is answered, and is on the disk within a second. Where lines cannot be written, the machine signs
// nothing.
package requestlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
)

// FileName is the file that is written, in the signing machine's home. Full ones beside it are named by the number of their first line.
const FileName = "requests.log"

const (
	// maxBytes is how long the file gets before the next one is begun.
	maxBytes = 64 << 20
	// syncEvery is how often lines are brought to the disk: so much can be lost with the machine's power, never with the process.
	syncEvery = time.Second
)

// CodeNotWritten is the fault of a machine that cannot write its log.
const CodeNotWritten = "log_not_written"

// noHash is the hash before the first line.
var noHash = strings.Repeat("0", 64)

// file is what is asked of the file that is written.
type file interface {
	Write(b []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Log is an open log. One process has it open at a time, which holds the home (signer.Hold).
type Log struct {
	dir  string
	most int64
	now  func() time.Time

	mu     sync.Mutex
	file   file
	size   int64
	first  uint64 // number of the file's first line; 0: it has none
	head   Head
	dirty  bool   // lines were written since the last sync
	failed error  // why the last write or sync failed; nil: it did not
	lost   uint64 // lines that could not be written since then
	buffer []byte
}

// Head is the last line.
type Head struct {
	Seq  uint64 `json:"seq"`  // 0: there is none
	Hash string `json:"hash"` // hex
}

// String is a head as `log verify --head` takes it.
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// Options are what tests may choose otherwise.
type Options struct {
	MaxBytes int64            // 0: 64 MiB
	Now      func() time.Time // nil: time.Now
}

// Open opens the log of a home and goes on after its last whole line. What a crash left of a line behind it is cut, and that is said in
// a line of its own. A last line that was changed is refused.
func Open(dir string, o Options) (*Log, error) {
	l := &Log{dir: dir, most: o.MaxBytes, now: o.Now, head: Head{Hash: noHash}}
	if l.most == 0 {
		l.most = maxBytes
	}
	if l.now == nil {
		l.now = time.Now
	}
	f, err := create(l.path())
	if err != nil {
		return nil, err
	}
	l.file = f
	cut, err := l.resume(f)
	if err == nil && cut > 0 {
		err = l.Append(Line{Code: "line_cut", Detail: fmt.Sprintf("%d bytes without an end were cut: a crash, or somebody wrote here", cut)})
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err == nil {
		if err = vault.CheckPrivate(path, 0o600); err == nil {
			return f, nil
		}
		err = errors.Join(err, f.Close())
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fault.Wrap(err, fault.NotAllowed, "bad_log", "chmod 0600 "+path, "open the log of requests")
	}
	return nil, fmt.Errorf("open the log of requests: %w", err)
}

// resume finds the head of the chain, and cuts what is behind it.
func (l *Log) resume(f *os.File) (cut int64, err error) {
	end, err := tailOf(f)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", l.path(), err)
	}
	if end.cut > 0 {
		if err := f.Truncate(end.size); err != nil {
			return 0, fmt.Errorf("cut %s: %w", l.path(), err)
		}
	}
	l.size = end.size
	if len(end.last) > 0 {
		first, err := parse(end.first)
		if err != nil {
			return 0, broken(l.path(), err)
		}
		last, err := parse(end.last)
		if err != nil {
			return 0, broken(l.path(), err)
		}
		l.first, l.head = first.Seq, Head{last.Seq, last.Hash}
		return end.cut, nil
	}
	full, err := fullFiles(l.dir)
	if err != nil || len(full) == 0 {
		return end.cut, err
	}
	l.head, err = headOf(full[len(full)-1])
	return end.cut, err
}

func broken(path string, err error) error {
	return fault.Wrap(err, fault.Refused, "log_broken", "coffer-signer log verify; keep the file for whoever looks into it, move it away, and a new chain begins",
		"%s was changed", path)
}

func (l *Log) path() string { return filepath.Join(l.dir, FileName) }

// Append writes a line. When it returns nil, the line is written (though not yet synced). After a failure it counts lines that are lost,
// and says so in a line of its own as soon as it can write again.
func (l *Log) Append(line Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.mend(); err != nil {
		l.lost++
		return err
	}
	if err := l.write(line); err != nil {
		l.lost++
		return err
	}
	return nil
}

// Ready says why no line can be written, or nil. After a failure it tries again.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mend()
}

// mend tries to write again, if the last try failed.
func (l *Log) mend() error {
	if l.failed == nil {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return l.fail(err)
	}
	if err := l.write(Line{Code: "log_resumed", Detail: fmt.Sprintf("%d lines could not be written: %v", l.lost, l.failed)}); err != nil {
		return err
	}
	l.failed, l.lost = nil, 0
	return nil
}

func (l *Log) write(line Line) error {
	if line.At.IsZero() {
		line.At = l.now()
	}
	if l.size >= l.most {
		if err := l.turn(); err != nil {
			return l.fail(err)
		}
	}
	b, hash := appendLine(l.buffer[:0], line, l.head.Seq+1, l.head.Hash)
	l.buffer = b
	if _, err := l.file.Write(b); err != nil {
		return l.fail(errors.Join(err, l.file.Truncate(l.size))) // half a line must not stand before the next one
	}
	l.size += int64(len(b))
	l.head = Head{l.head.Seq + 1, hash}
	if l.first == 0 {
		l.first = l.head.Seq
	}
	l.dirty = true
	return nil
}

// turn puts the full file aside and begins the next one. The chain goes on in it.
func (l *Log) turn() error {
	if err := l.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(l.path(), filepath.Join(l.dir, fullName(l.first))); err != nil {
		return err
	}
	next, err := create(l.path())
	if err != nil {
		return err
	}
	old := l.file
	l.file, l.size, l.first, l.dirty = next, 0, 0, false
	return old.Close()
}

func (l *Log) fail(err error) error {
	l.failed = fault.Wrap(err, fault.Unreachable, CodeNotWritten, "make room on its disk, or make it writable; it goes on by itself",
		"the signing machine's log of requests cannot be written")
	return l.failed
}

// Run brings what is written to the disk once a second, until ctx ends, and then once more.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.Sync()
		case <-tick.C:
			_ = l.Sync() // it is kept: nothing is signed until it is mended
		}
	}
}

// Sync brings what is written to the disk. Lines may be written meanwhile.
func (l *Log) Sync() error {
	l.mu.Lock()
	f, dirty := l.file, l.dirty
	l.dirty = false
	l.mu.Unlock()
	if !dirty {
		return nil
	}
	err := f.Sync()
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != f { // it was put aside meanwhile, synced and closed
		return nil
	}
	return l.fail(err)
}

// Failing says whether the last try to write failed.
func (l *Log) Failing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed != nil
}

// Head is the last line, and the length of the file that it is in.
func (l *Log) Head() (h Head, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head, l.size
}

// Close brings everything to the disk and closes the file.
func (l *Log) Close() error {
	err := l.Sync()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(err, l.file.Close())
}
