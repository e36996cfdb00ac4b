package rowfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"coffer.internal/internal/fault"
)

// Open opens a file to be read row by row; "-" is stdin. Only a regular file is taken by its name: a directory has no rows, and
// a FIFO or device may never answer.
func Open(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	f, _, err := openFile(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func openFile(name string) (*os.File, fs.FileInfo, error) {
	if info, err := os.Stat(name); err == nil { // before opening, which already does something to some devices
		if err := regular(name, info); err != nil {
			return nil, nil, err
		}
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fault.New(fault.NotFound, "no_file", "check the path; - is standard input", "there is no file %s", name)
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fault.Wrap(err, fault.NotAllowed, "file_not_allowed", "ls -l "+name, "read the file")
	case err != nil:
		return nil, nil, unreadable(err)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(name, info)
	} else {
		err = unreadable(err)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func regular(name string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fault.New(fault.Usage, "is_directory", "name a file of CSV, NDJSON or JSON in it", "%s is a directory", name)
	case !info.Mode().IsRegular():
		return fault.New(fault.Usage, "not_a_file", "read it as standard input: - < "+name, "%s is not a file but a FIFO, socket or device", name)
	}
	return nil
}

// Read reads a whole file into memory; "-" is stdin. What is too large is refused before it is read, as far as its size is
// known. Each row may have its own Err; an error ends the file, and nothing of it may be used then.
func Read(name string, stdin io.Reader, f Format) (rows []Row, err error) {
	in := stdin
	if name != "-" {
		file, info, err := openFile(name)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if info.Size() > MaxFile {
			return nil, tooLarge(info.Size())
		}
		in = file
	}
	r := NewReader(&bounded{in: in, left: MaxFile}, f)
	for {
		row, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil:
			return nil, refused(err)
		case len(rows) == MaxRows:
			return nil, refused(&Fault{Line: row.Line, Err: fault.New(fault.Usage, "too_many_rows", "split it into several files",
				"the file has more than %d rows", MaxRows)})
		case spoiled(row.Err):
			return nil, refused(row.Err)
		}
		rows = append(rows, row)
	}
}

// refused says of what has a place in the file that the whole file is refused for it.
func refused(err error) error {
	var f *Fault
	if !errors.As(err, &f) {
		return err
	}
	return fault.Wrap(f, fault.Usage, fault.Code(f), fault.Hint(f), "the file is refused, nothing was applied")
}

// spoiled: what is wrong with the row is most likely wrong with the whole file, so that row by row says nothing more.
func spoiled(err error) bool {
	code := fault.Code(err)
	return err != nil && (code == "bad_encoding" || code == "nul_byte")
}

// bounded ends a stream that is too large with an error, not with an end of file.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(0)
	}
	return n, err
}

func tooLarge(size int64) error {
	const hint = "split it into several files"
	if size == 0 {
		return fault.New(fault.Usage, "file_too_large", hint, "the file has more than %d MiB", MaxFile>>20)
	}
	return fault.New(fault.Usage, "file_too_large", hint, "the file has %d bytes, and no more than %d MiB are read", size, MaxFile>>20)
}
