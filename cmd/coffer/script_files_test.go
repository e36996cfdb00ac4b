package main

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// writeBytes writes a file of any bytes; each TEXT is a Go string without its quotes, and they follow each other.
//
//	bytes FILE TEXT…
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bytes FILE TEXT…")
	}
	var all strings.Builder
	for _, text := range args[1:] {
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
		ts.Check(err)
		all.WriteString(s)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(all.String()), 0o600))
}

// writeLines writes a file: HEADER, unless it is empty, then N lines TEXT in which @ is the line's number from 1, ten digits wide
// with zeros in front.
//
//	lines FILE HEADER N TEXT
func writeLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: lines FILE HEADER N TEXT")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	var all bytes.Buffer
	if args[1] != "" {
		all.WriteString(args[1] + "\n")
	}
	for i := 1; i <= n; i++ {
		number := strconv.Itoa(i)
		all.WriteString(strings.ReplaceAll(args[3], "@", strings.Repeat("0", 10-len(number))+number) + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), all.Bytes(), 0o600))
}

// repeat writes a file of N times TEXT, all in one line.
//
//	repeat FILE N TEXT
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte(args[2]), n), 0o600))
}

// truncate makes a file of SIZE bytes that takes no room on the disk.
//
//	truncate FILE SIZE
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE SIZE")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	ts.Check(f.Truncate(size))
	ts.Check(f.Close())
}

// mkfifo makes a FIFO that nobody writes to.
//
//	mkfifo FILE
func mkfifo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mkfifo FILE")
	}
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o600))
}

// runSQL runs statements on a SQLite file, as an older coffer or a person's hand would have left it.
//
//	sql FILE STATEMENTS
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENTS")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}
